#![no_main]

headcount_fuzz::target!("resource", resource);
