#![no_main]

headcount_fuzz::target!("schema", schema);
