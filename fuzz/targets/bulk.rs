#![no_main]

headcount_fuzz::target!("bulk", bulk);
