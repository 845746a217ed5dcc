//! `demo`.
use clap::Args;
use serde_json::Value;
use crate::fault::Fault;
use crate::output::Program;

/// Play the whole scheme
#[derive(Args)]
pub(crate) struct Demo {}

impl Demo {
    pub(crate) fn run(self, _program: &Program) -> Result<Value, Fault> { Ok(Value::Null) }
}
