#![no_main]

headcount_fuzz::target!("query", query);
