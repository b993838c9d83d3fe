//! AWS CloudTrail, event version 1.11.

use serde_json::{Value, json};

use crate::rng::Rng;
use crate::time::{HOUR, Millis, english, seconds};

/// Actions people and machines do: (service, operation, read-only).
pub(crate) const ACTIONS: [(&str, &str, bool); 14] = [
    ("s3", "ListBuckets", true),
    ("s3", "GetBucketPolicy", true),
    ("s3", "PutBucketPolicy", false),
    ("iam", "ListUsers", true),
    ("iam", "AttachRolePolicy", false),
    ("iam", "CreateUser", false),
    ("ec2", "DescribeInstances", true),
    ("ec2", "RunInstances", false),
    ("ec2", "AuthorizeSecurityGroupIngress", false),
    ("kms", "Decrypt", true),
    ("secretsmanager", "GetSecretValue", true),
    ("ssm", "StartSession", false),
    ("lambda", "UpdateFunctionCode20150331v2", false),
    ("rds", "DescribeDBInstances", true),
];

/// What is the same in every record.
pub(crate) struct Call<'a> {
    pub(crate) at: Millis,
    pub(crate) id: &'a str,
    pub(crate) account: &'a str,
    pub(crate) service: &'a str,
    pub(crate) name: &'a str,
    pub(crate) read_only: bool,
    pub(crate) identity: Value,
    pub(crate) ip: &'a str,
    pub(crate) agent: &'a str,
}

pub(crate) fn call(rng: &mut Rng, call: &Call<'_>) -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": call.identity,
        "eventTime": seconds(call.at),
        "eventSource": format!("{}.amazonaws.com", call.service),
        "eventName": call.name,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": call.ip,
        "userAgent": call.agent,
        "requestParameters": null,
        "responseElements": null,
        "requestID": rng.uuid(),
        "eventID": call.id,
        "readOnly": call.read_only,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": call.account,
        "eventCategory": "Management",
    })
}

/// A role session as it signs calls.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// Index of the account: hub, prod, data.
    pub(crate) account: usize,
    pub(crate) key: String,
    pub(crate) role: String,
    pub(crate) role_id: String,
    pub(crate) name: String,
    pub(crate) created: Millis,
    pub(crate) ip: String,
    pub(crate) agent: String,
    pub(crate) instance: bool,
}

impl Session {
    pub(crate) fn arn(&self, number: &str) -> String {
        format!("arn:aws:sts::{number}:assumed-role/{}/{}", self.role, self.name)
    }

    pub(crate) fn identity(&self, number: &str) -> Value {
        let mut context = json!({
            "sessionIssuer": {
                "type": "Role",
                "principalId": self.role_id,
                "arn": format!("arn:aws:iam::{number}:role/{}", self.role),
                "accountId": number,
                "userName": self.role,
            },
            "webIdFederationData": {},
            "attributes": {"creationDate": seconds(self.created), "mfaAuthenticated": "false"},
        });
        if self.instance {
            context["ec2RoleDelivery"] = json!("2.0");
        }
        json!({
            "type": "AssumedRole",
            "principalId": format!("{}:{}", self.role_id, self.name),
            "arn": self.arn(number),
            "accountId": number,
            "accessKeyId": self.key,
            "sessionContext": context,
        })
    }

    /// `responseElements` of the call that made this session.
    pub(crate) fn response(&self, number: &str) -> Value {
        json!({
            "credentials": {
                "accessKeyId": self.key,
                "sessionToken": "HIDDEN_DUE_TO_SECURITY_REASONS",
                "expiration": english(self.created + 2 * HOUR),
            },
            "assumedRoleUser": {
                "assumedRoleId": format!("{}:{}", self.role_id, self.name),
                "arn": self.arn(number),
            },
        })
    }

    pub(crate) fn request(&self, number: &str) -> Value {
        json!({
            "roleArn": format!("arn:aws:iam::{number}:role/{}", self.role),
            "roleSessionName": self.name,
            "durationSeconds": 7200,
        })
    }
}

/// An IAM user who signs with a key, or with none (`ConsoleLogin`).
pub(crate) fn iam_user(number: &str, user: &str, id: &str, key: Option<&str>) -> Value {
    let mut identity = json!({
        "type": "IAMUser",
        "principalId": id,
        "arn": format!("arn:aws:iam::{number}:user/{user}"),
        "accountId": number,
    });
    if let Some(key) = key {
        identity["accessKeyId"] = json!(key);
    }
    identity["userName"] = json!(user);
    identity
}
