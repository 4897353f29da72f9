#![no_main]

headcount_fuzz::target!("mapping", headcount_fuzz::mapping_checks::check);
