#![no_main]

headcount_fuzz::target!("json", json_text);
