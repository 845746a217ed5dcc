//! The program as those who type its commands see it. All of it is one program, which is built
//! and linked once.

mod account;
mod as_they_are;
mod attacks;
#[path = "../common/browser.rs"]
mod browser;
mod bulk;
mod cards;
mod civil_status;
mod clocks;
#[path = "../common/mod.rs"]
mod common;
mod compare;
mod dealing;
mod demonstration;
mod distance;
mod errors;
mod evaluate;
mod fewer_steps;
mod flow;
mod french;
mod guard;
mod guides;
mod help;
mod home;
mod inspect;
mod json;
mod leaks;
mod manual;
mod misleading;
#[path = "../common/needles.rs"]
mod needles;
mod nothing_lost;
mod operations;
mod other_engine;
mod paper;
mod parcel;
mod parties;
mod parts;
mod payload;
#[path = "../common/people.rs"]
mod people;
mod piped;
mod process;
mod recheck;
mod recovery;
mod register;
mod rehearse;
mod rekey;
mod repeat;
mod rotation;
mod script;
mod sealed;
#[path = "../../../../tests/secrets/mod.rs"]
mod secrets;
mod signals;
mod text_files;
mod unasked;
mod units;
mod watching;
mod withheld;
mod witness;
