#![no_main]

headcount_fuzz::target!("filter", filter);
