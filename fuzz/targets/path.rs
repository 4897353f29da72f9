#![no_main]

headcount_fuzz::target!("path", path);
