#![no_main]

headcount_fuzz::target!("patch", patch);
