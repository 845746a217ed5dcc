//! The report that a service would sign beside a result, for tests that have no service.

#![allow(dead_code, unreachable_pub)]

use std::collections::BTreeMap;
use std::path::Path;

use cstatns::checkpoint::{Head, sign_head};
use cstatns::commitment::{Commitment, CommitmentKey, Use};
use cstatns::ed25519_dalek::SigningKey;
use cstatns::identifier::Scheme;
use cstatns::look_up::{LookUp, Scores};
use cstatns::meta::{FileMeta, SPEC, SUITE};
use cstatns::name::Hex;
use cstatns::report::{OpenedCommitment, ReportBody, SignedReport, report_path};
use cstatns_rows::results::commitment_of;

/// The key with which the service of these tests signs.
pub fn service_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// Its public half.
pub fn signing() -> Hex<32> {
    Hex(service_key().verifying_key().to_bytes())
}

/// What the service knows of a result.
pub struct Stated<'a> {
    pub meta: &'a FileMeta,
    pub r#use: Use,
    pub request: Commitment,
    pub rows: u64,
    pub coded: u64,
    pub quality: BTreeMap<String, u64>,
    pub scores: Option<Scores>,
    pub scheme: Option<Scheme>,
    pub look_up: Option<LookUp>,
}

impl Stated<'_> {
    /// The body of the report; the commitment is to the rows of the file as it is.
    pub fn body(self, result: &Path) -> ReportBody {
        let Self { meta, r#use, request, rows, coded, quality, scores, scheme, look_up } = self;
        let now = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).unwrap();
        let head = Head { size: 3, root: Hex([9; 32]) };
        let key = Hex([8; 32]);
        let mut body = ReportBody {
            format: ReportBody::FORMAT,
            tool: "test".to_owned(),
            spec: SPEC.to_owned(),
            suite: SUITE.to_owned(),
            service: meta.service.clone(),
            domain: meta.domain.clone(),
            generation: meta.generation,
            r#use,
            check: Hex([7; 32]),
            delivery: meta.delivery,
            request,
            result: OpenedCommitment { commitment: Hex([0; 32]), key },
            recipient: None,
            sender: None,
            minimum_batch: None,
            rows_in: rows,
            rows_out: rows,
            coded,
            rechecked: None,
            quality,
            scores,
            scheme,
            look_up,
            overdue_since: None,
            left_out: Vec::new(),
            accepted: BTreeMap::new(),
            destroyed: Vec::new(),
            begin: now,
            end: now,
            checkpoint: sign_head(&head, &meta.service, &service_key()),
        };
        let key = CommitmentKey::from_hex(&key.to_string()).unwrap();
        let codes = (meta.tag(), meta.generation);
        if let Ok((commitment, _)) = commitment_of(result, codes, &key, &body.context()) {
            body.result.commitment = commitment;
        }
        body
    }

    /// Writes it beside the result.
    pub fn write(self, result: &Path) {
        write_beside(result, self.body(result));
    }
}

/// Signs a report and writes it beside a result.
pub fn write_beside(result: &Path, body: ReportBody) {
    let path = report_path(result);
    let _ = std::fs::remove_file(&path);
    SignedReport::new(body, &service_key()).write(&path).unwrap();
}
