use super::*;

/// What Google's own reader of JSON takes, and what it refuses. `host-test/oracle` shows the same files to it.
const ACCEPTED: &str = include_str!("../../../host-test/oracle/accepted.jsonl");
const REFUSED: &str = include_str!("../../../host-test/oracle/refused.jsonl");

const MACHINE: &str = r#""principal":{"hostname":"pc-1.example.com"}"#;
const USER: &str = r#""principal":{"user":{"userid":"u"}}"#;
const ALL: &str =
    r#""principal":{"assetId":"Acme:1","user":{"emailAddresses":["u@a"]},"process":{"pid":"1"}}"#;

/// Event types, and what else an event of the type has.
#[rustfmt::skip]
const RIGHT: &[(&str, &str, &str)] = &[
    ("GENERIC_EVENT",           r#""observer":{"url":"https://example.com"}"#, ""),
    ("DEVICE_CONFIG_UPDATE",    "", ""),
    ("STATUS_UPDATE",           MACHINE, ""),
    ("RESOURCE_CREATION",       MACHINE, r#""target":{"resource":{"name":"r"}}"#),
    ("RESOURCE_READ",           USER, r#""target":{"resource":{"productObjectId":"r"}}"#),
    ("USER_RESOURCE_ACCESS",    USER, r#""target":{"resource":{"name":"r"}}"#),
    ("GROUP_CREATION",          USER, r#""target":{"group":{"groupDisplayName":"g"}}"#),
    ("GROUP_MODIFICATION",      MACHINE, r#""target":{"user":{"userDisplayName":"U"}}"#),
    ("USER_LOGIN",              r#""target":{"application":"a","user":{"userid":"u"}}"#,
        r#""extensions":{"auth":{}}"#),
    ("USER_LOGOUT",             MACHINE, r#""target":{"user":{"userid":"u"}},"extensions":{"auth":{"type":"SSO"}}"#),
    ("USER_CHANGE_PASSWORD",    r#""target":{"user":{"userid":"u"}}"#, ""),
    ("USER_CHANGE_PERMISSIONS", MACHINE, r#""target":{"user":{"windowsSid":"S-1"}}"#),
    ("USER_CREATION",           MACHINE, r#""target":{"user":{"employeeId":"1"}}"#),
    ("USER_UNCATEGORIZED",      MACHINE, r#""target":{"user":{"productObjectId":"1"}}"#),
    ("USER_COMMUNICATION",      USER, ""),
    ("SERVICE_START",           MACHINE, r#""target":{"user":{"userid":"u"},"application":"a"}"#),
    ("SETTING_MODIFICATION",    MACHINE, r#""target":{"resource":{"resourceType":"SETTING"}}"#),
    ("SETTING_CREATION",        MACHINE, r#""target":{"resource":{"resource_type":18}}"#),
    ("SCHEDULED_TASK_CREATION", ALL, r#""target":{"resource":{"type":"TASK"}}"#),
    ("SYSTEM_AUDIT_LOG_WIPE",   ALL, ""),
    ("NETWORK_CONNECTION",      MACHINE, r#""target":{"ip":["::1"]},"network":{"direction":"INBOUND"}"#),
    ("NETWORK_HTTP",            r#""target":{"url":"https://a"}"#,
        r#""network":{"ipProtocol":6,"applicationProtocol":"HTTPS"}"#),
    ("EMAIL_TRANSACTION",       MACHINE, r#""network":{"email":{"from":"a@example.com"}}"#),
    ("FILE_READ",               MACHINE, r#""target":{"file":{"fullPath":"/f"}}"#),
    ("FILE_COPY",               MACHINE, r#""src":{"file":{"fullPath":"/f"}},"target":{"file":{"fullPath":"/g"}}"#),
    ("PROCESS_LAUNCH",          MACHINE, r#""target":{"process":{"pid":"2"}}"#),
    ("PROCESS_MODULE_LOAD",     ALL, r#""target":{"process":{"file":{"fullPath":"/f"}}}"#),
    ("PROCESS_PRIVILEGE_ESCALATION", ALL, ""),
    ("REGISTRY_CREATION",       MACHINE, r#""target":{"registry":{"registryKey":"HKLM"}}"#),
    ("MUTEX_CREATION",          ALL, r#""target":{"resource":{"resourceType":"MUTEX","name":"m"}}"#),
    ("SCAN_FILE",               r#""target":{"mac":["00:11:22:33:44:aa"],"file":{"names":["f"]}}"#, ""),
    ("SCAN_HOST",               r#""target":{"ip":["::1"]}"#, ""),
    ("SCAN_PROCESS",            r#""target":{"ip":["::1"],"process":{"pid":"2"}}"#, ""),
    ("SCAN_VULN_HOST",          r#""target":{"ip":["::1"]}"#,
        r#""extensions":{"vulns":{"vulnerabilities":[{"name":"v"}]}}"#),
    // Deprecated fields are right.
    ("GENERIC_EVENT",
        r#""target":{"labels":[{"key":"a","value":"b"}],"resource":{"id":"1","parent":"p"}}"#, ""),
];

/// Event types, fields of an event that lacks something of the type, and the findings.
#[rustfmt::skip]
const LACKING: &[(&str, &str, &[&str])] = &[
    ("STATUS_UPDATE", USER, &[
        "Error principal: expected an ip, hostname, mac or asset_id at `principal` for STATUS_UPDATE, but found none",
    ]),
    ("USER_RESOURCE_ACCESS", r#""principal":{"user":{"accountType":"CLOUD_ACCOUNT_TYPE"}}"#, &[
        "Error principal.user: expected a user's id, address or name at `principal.user` for USER_RESOURCE_ACCESS, \
         but found none",
        "Error target.resource: expected a resource at `target.resource` for USER_RESOURCE_ACCESS, but found none",
    ]),
    ("GROUP_DELETION", USER, &[
        "Error target.group: expected a group at `target.group`, or a user's id, address or name at `target.user` \
         for GROUP_DELETION, but found none",
    ]),
    ("USER_CHANGE_PASSWORD", USER, &[
        "Error principal: expected an ip, hostname, mac or asset_id at `principal`, or no `principal` \
         for USER_CHANGE_PASSWORD, but found none",
        "Error target.user: expected a user's id, address or name at `target.user` for USER_CHANGE_PASSWORD, \
         but found none",
    ]),
    ("SETTING_DELETION", MACHINE, &[
        "Error target.resource.resource_type: expected SETTING at `target.resource.resource_type` \
         for SETTING_DELETION, but found none",
    ]),
    ("GENERIC_EVENT", "", &[
        "Warning : expected a noun such as `principal` or `target` for GENERIC_EVENT, but found none",
    ]),
];

/// Fields of an event, the path of the one finding, what was expected there, and what was found.
#[rustfmt::skip]
const ERRORS: &[(&str, &str, &str, &str)] = &[
    // Names are Google's, in one spelling and once.
    (r#""target":{"hostName":"a"}"#,            "target.hostName", "a field of Noun", "an unknown one"),
    (r#""Target":{}"#,                          "Target", "a field of UDM", "an unknown one"),
    (r#""about":[{},{"assetId":"a:1","asset_id":"a:1"}]"#, "about[1].asset_id", "one value", "`asset_id` as another"),
    (r#""target":{"url":"a"},"target":null"#,   "target", "one value", "`target` as another"),
    (r#""additional":{"a":[0,{"b.c":1,"b.c":2}]}"#, r#"additional["a"][1]["b.c"]"#, "one value", "another"),
    (r#""securityResult":[{"variables":{"v":{"stringVal":"a","int64Val":"1"}}}]"#,
        r#"security_result[0].variables["v"].int64_val"#, "no other typed_value", "`string_val` beside it"),
    // Values have the type of their field.
    (r#""target":{"application":1}"#,           "target.application", "text", "1"),
    (r#""target":{"application":["a"]}"#,       "target.application", "text", "a list"),
    (r#""target":{"natIp":"192.0.2.1"}"#,       "target.nat_ip", "a list", "\"192.0.2.1\""),
    (r#""target":{"ip":["::1",null]}"#,         "target.ip[1]", "text", "null"),
    (r#""target":[{}]"#,                        "target", "an object", "a list"),
    (r#""intermediary":{}"#,                    "intermediary", "a list", "an object"),
    (r#""about":[1]"#,                          "about[0]", "an object", "1"),
    (r#""additional":"a""#,                     "additional", "an object", "\"a\""),
    (r#""extensions":{"auth":[]}"#,             "extensions.auth", "an object", "a list"),
    (r#""target":{"port":"80.5"}"#,             "target.port", "an integer of 32 bits", "\"80.5\""),
    (r#""target":{"port":2147483648}"#,         "target.port", "an integer of 32 bits", "2147483648"),
    (r#""network":{"sentPackets":0.5}"#,        "network.sent_packets", "an integer of 64 bits", "0.5"),
    (r#""target":{"file":{"statFlags":-1}}"#,   "target.file.stat_flags", "an unsigned integer of 32 bits", "-1"),
    (r#""target":{"file":{"size":"-1"}}"#,      "target.file.size", "an unsigned integer of 64 bits", "\"-1\""),
    (r#""network":{"ipv6":"true"}"#,            "network.ipv6", "true or false", "\"true\""),
    (r#""network":{"sessionDuration":"1"}"#,    "network.session_duration", "seconds with an \"s\"", "\"1\""),
    (r#""network":{"direction":"UP"}"#,         "network.direction",
        "one of UNKNOWN_DIRECTION, INBOUND, OUTBOUND, BROADCAST", "\"UP\""),
    (r#""network":{"ipProtocol":"tcp"}"#,       "network.ip_protocol", "a value of Network.IpProtocol", "\"tcp\""),
    (r#""network":{"ipProtocol":5}"#,           "network.ip_protocol", "a value of Network.IpProtocol", "5"),
    (r#""network":{"http":{"parsedUserAgent":{"osType":1}}}"#,
        "network.http.parsed_user_agent.os_type", "text", "1"),
    (r#""securityResult":[{"riskScore":"inf"}]"#, "security_result[0].risk_score", "a number of 32 bits", "\"inf\""),
    (r#""principal":{"location":{"regionCoordinates":{"latitude":"N"}}}"#,
        "principal.location.region_coordinates.latitude", "a number", "\"N\""),
    (r#""target":{"user":{"hireDate":"2023-02-29T00:00:00Z"}}"#, "target.user.hire_date",
        "an RFC 3339 timestamp", "\"2023-02-29T00:00:00Z\""),
    (r#""target":{"registry":{"registryValueBinaryData":"A=="}}"#,
        "target.registry.registry_value_binary_data", "base64 text", "\"A==\""),
    // Addresses and ids have a form.
    (r#""target":{"ip":["192.0.2.1:80"]}"#,     "target.ip[0]", "an IP address", "\"192.0.2.1:80\""),
    (r#""target":{"natIp":[""]}"#,              "target.nat_ip[0]", "an IP address", "\"\""),
    (r#""target":{"ip":["fe80::1%eth0"]}"#,     "target.ip[0]", "an IP address", "\"fe80::1%eth0\""),
    (r#""target":{"asset":{"ip":["[::1]"]}}"#,  "target.asset.ip[0]", "an IP address", "\"[::1]\""),
    (r#""target":{"port":0}"#,                  "target.port", "a port from 1 to 65535", "0"),
    (r#""target":{"natPort":65536}"#,           "target.nat_port", "a port from 1 to 65535", "65536"),
    (r#""target":{"hostname":"https://a.b"}"#,  "target.hostname", "a host name", "\"https://a.b\""),
    (r#""target":{"hostname":"a..b"}"#,         "target.hostname", "a host name", "\"a..b\""),
    (r#""target":{"hostname":"-a"}"#,           "target.hostname", "a host name", "\"-a\""),
    (r#""target":{"assetId":"4711"}"#,          "target.asset_id", "Vendor:ID", "\"4711\""),
];

/// The same for advice.
#[rustfmt::skip]
const WARNINGS: &[(&str, &str, &str, &str)] = &[
    (r#""target":{"hostname":"MY_PC"}"#,        "target.hostname", "a host name without underscores", "\"MY_PC\""),
    (r#""target":{"assetId":"a23456789012345678901234567890123:1"}"#, "target.asset_id",
        "at most 32 characters, a colon and at most 128", "\"a23456789012345678901234567890123:1\""),
    (r#""target":{"mac":["00-11-22-33-44-55"]}"#, "target.mac[0]",
        "a MAC address in lower case with colons", "\"00-11-22-33-44-55\""),
    (r#""target":{"hostname":"a","url":"https://a"}"#, "target", "`hostname` or `url`", "both"),
    (r#""target":{"file":{"md5":"ABC"}}"#,      "target.file.md5", "32 hex digits in lower case", "\"ABC\""),
    (r#""target":{"file":{"sha1":"g"}}"#,       "target.file.sha1", "40 hex digits in lower case", "\"g\""),
    (r#""target":{"file":{"sha256":"0"}}"#,     "target.file.sha256", "64 hex digits in lower case", "\"0\""),
    (r#""securityResult":[{"action":[]}]"#,     "security_result[0]", "a security result", "an empty one"),
    (r#""securityResult":[{"urlBackToProduct":"//a"}]"#, "security_result[0].url_back_to_product",
        "a URL with a scheme", "\"//a\""),
    (r#""principal":{"email":"a@b"}"#,          "principal.email", "nothing", "\"a@b\""),
    (r#""principal":{"file":{"size":"1"}}"#,    "principal.file", "nothing", "an object"),
    (r#""principal":{"registry":{"registryKey":"k"}}"#, "principal.registry", "nothing", "an object"),
];

/// Lines that are no events, and what was found in place of an object.
#[rustfmt::skip]
const NO_EVENTS: &[(&str, &str)] = &[
    ("[]", "a list"),
    ("null", "null"),
    ("\"x\"", "\"x\""),
    ("{\"a\":", "invalid JSON in column 5: EOF while parsing a value"),
    ("{} {}", "invalid JSON in column 4: trailing characters"),
    ("{\"a\":\"\u{1}\"}",
        "invalid JSON in column 7: control character (\\u0000-\\u001F) found while parsing a string"),
    ("{\"a\":1e999}", "invalid JSON in column 10: number out of range"),
];

#[test]
fn right_events_have_no_findings() {
    for (event_type, fields, more) in RIGHT {
        let event = event(event_type, &[fields, more]);
        assert_eq!(told(&event), [""; 0], "{event}");
    }
}

#[test]
fn a_type_without_its_nouns_is_told() {
    for (event_type, fields, expected) in LACKING {
        assert_eq!(
            told(&event(event_type, &[fields])),
            *expected,
            "{event_type}"
        );
    }
}

#[test]
fn every_rule_has_its_words() {
    let cases = ERRORS.iter().map(|it| ("Error", it));
    for (severity, (fields, path, expected, found)) in
        cases.chain(WARNINGS.iter().map(|it| ("Warning", it)))
    {
        let line = format!("{severity} {path}: expected {expected} at `{path}`, but found {found}");
        // A type that asks for no nouns.
        assert_eq!(
            told(&event("DEVICE_CONFIG_UPDATE", &[fields])),
            [line],
            "{fields}"
        );
    }
}

#[test]
fn what_is_no_event_is_told() {
    for (line, found) in NO_EVENTS {
        let expected = format!("Error : expected a JSON object, but found {found}");
        assert_eq!(told(line), [expected], "{line}");
    }
    let deep = format!("{{\"additional\":{}1{}}}", "[".repeat(500), "]".repeat(500));
    let findings = validate(deep.as_bytes());
    assert!(
        findings[0].message.ends_with(": recursion limit exceeded"),
        "{findings:?}"
    );
    let findings = validate(b"{\"a\":\"\xff\"}");
    assert!(
        findings[0]
            .message
            .ends_with(": invalid unicode code point"),
        "{findings:?}"
    );
}

#[test]
fn metadata_is_required() {
    let nothing = [
        "Error metadata.event_timestamp: expected a timestamp at `metadata.event_timestamp`, but found nothing",
        "Error metadata.event_type: expected an event type at `metadata.event_type`, but found nothing",
        "Warning metadata.vendor_name: expected text at `metadata.vendor_name`, but found nothing",
        "Warning metadata.product_name: expected text at `metadata.product_name`, but found nothing",
    ];
    for event in [
        "{}",
        r#"{"metadata":null}"#,
        r#"{"metadata":{"event_type":null,"productName":""}}"#,
    ] {
        assert_eq!(told(event), nothing, "{event}");
    }
    for unspecified in ["\"EVENTTYPE_UNSPECIFIED\"", "0"] {
        let event = event("GENERIC_EVENT", &[MACHINE]).replace("\"GENERIC_EVENT\"", unspecified);
        let expected = "Error metadata.event_type: expected an event type at `metadata.event_type`, \
                        but found EVENTTYPE_UNSPECIFIED";
        assert_eq!(told(&event), [expected]);
    }
}

#[test]
fn long_metadata_is_a_warning() {
    let limits = [
        ("vendor_name", 256),
        ("product_name", 256),
        ("product_version", 32),
        ("product_event_type", 64),
        ("product_log_id", 256),
        ("description", 1024),
    ];
    for (field, limit) in limits {
        // Characters may have two bytes; the limit counts bytes.
        let fits = format!("\"ä{}\"", "x".repeat(limit - 2));
        let value: Tree = serde_json::from_str(&fits).unwrap();
        assert_eq!(rules::of_value("Metadata", field, &value), None, "{field}");
        let metadata = format!(
            r#"{{"metadata":{{"{field}":{}}}}}"#,
            fits.replace('ä', "äx")
        );
        let path = format!("metadata.{field}");
        let found = limit + 1;
        let expected = format!(
            "Warning {path}: expected at most {limit} bytes at `{path}`, but found {found}"
        );
        assert!(told(&metadata).contains(&expected), "{field}");
    }
}

#[test]
fn events_of_mail_and_network_have_rules_of_their_own() {
    let mail = r#""target":{"email":"a@b"},"network":{"email":{"from":"a@b"}}"#;
    assert_eq!(
        told(&event("EMAIL_TRANSACTION", &[MACHINE, mail])),
        ["Warning target.email: expected nothing at `target.email`, but found \"a@b\""]
    );
    let principal = r#""principal":{"ip":["::1","::2"],"port":1}"#;
    let others = r#""target":{"ip":["::1","::2"]},"network":{"asn":"1"}"#;
    assert_eq!(
        told(&event("NETWORK_CONNECTION", &[principal, others])),
        ["Warning principal.ip: expected one beside a port at `principal.ip`, but found 2"]
    );
}

#[test]
fn a_huge_event_is_not_read() {
    let huge = format!("{{\"additional\":{{\"a\":\"{}\"}}}}", "x".repeat(4 << 20));
    let found = huge.len();
    let expected =
        format!("Error : expected an event of at most 4194304 bytes, but found {found} bytes");
    assert_eq!(told(&huge), [expected]);
}

#[test]
fn events_are_counted_without_blank_lines() {
    let right = event("STATUS_UPDATE", &[MACHINE]);
    let lines = format!("\n  \r\n{right}\r\n\t\n[]\n{right}\n1");
    let findings = validate(lines.as_bytes());
    let indexes: Vec<u32> = findings.iter().map(|it| it.event_index).collect();
    assert_eq!(indexes, [1, 3]);
}

#[test]
fn findings_end_before_they_fill_the_memory() {
    // Deep in an event, each finding has a long path.
    let list = format!("{{\"commandLineHistory\":[{}1]}}", "1,".repeat(20_000));
    let process = format!(
        "{}{list}{}",
        "{\"parentProcess\":".repeat(100),
        "}".repeat(100)
    );
    let lines = format!("{{\"principal\":{{\"process\":{process}}}}}\n{{}}");
    let findings = validate(lines.as_bytes());
    let text: usize = findings
        .iter()
        .map(|it| it.path.len() + it.message.len())
        .sum();
    assert!((15 << 20..17 << 20).contains(&text), "{text}");
    let last = findings.last().unwrap();
    assert_eq!(
        last.message,
        "expected fewer findings, but found more than fit one answer"
    );
    assert_eq!((last.event_index, last.severity), (0, Severity::Error));
}

/// The events of these files lack what only the platform asks for, so findings of that kind do not count.
#[test]
fn googles_reader_and_ours_agree_on_forms() {
    let is_form =
        |it: &&Finding| it.severity == Severity::Error && !it.message.ends_with("found nothing");
    for line in ACCEPTED.lines() {
        assert_eq!(
            validate(line.as_bytes()).iter().find(is_form),
            None,
            "{line}"
        );
    }
    for line in REFUSED.lines() {
        assert!(
            validate(line.as_bytes()).iter().any(|it| is_form(&it)),
            "{line}"
        );
    }
    assert!(ACCEPTED.lines().count() > 30 && REFUSED.lines().count() > 60);
}

/// Nothing that the sources write is an error; advice they may not be able to follow.
#[test]
fn events_of_the_goldens_are_right() {
    let folders = std::fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap();
    let goldens =
        folders.filter_map(|it| std::fs::read_dir(it.unwrap().path().join("golden")).ok());
    let mut count = 0;
    for path in goldens.flatten().map(|it| it.unwrap().path()) {
        if path.to_str().unwrap().ends_with(".udm.json") {
            let golden = std::fs::read(&path).unwrap();
            let golden: serde_json::Value = serde_json::from_slice(&golden).unwrap();
            for event in golden["events"].as_array().unwrap() {
                let told = told(&event.to_string());
                let errors: Vec<_> = told.iter().filter(|it| it.starts_with("Error")).collect();
                assert!(errors.is_empty(), "{}: {errors:?}", path.display());
                count += 1;
            }
        }
    }
    assert!(count > 0, "expected golden events, but found none");
}

/// Every cut of an event is told; with another byte in it, it is told or still right, and nothing worse happens.
#[test]
fn broken_events_only_give_findings() {
    let more = r#""target":{"port":80,"ip":["::1"]},"additional":{"a":[1.5e3,"\u00e4",null]}"#;
    let whole = event("STATUS_UPDATE", &[MACHINE, more]);
    assert_eq!(told(&whole), [""; 0]);
    let bytes = whole.as_bytes();
    for end in 1..bytes.len() {
        assert_eq!(validate(&bytes[..end]).len(), 1, "{end}");
    }
    for at in 0..bytes.len() {
        for byte in [0, b'"', b'{', b'\\', b'\n', b'9', 0xff] {
            let mut bytes = bytes.to_vec();
            bytes[at] = byte;
            assert!(validate(&bytes).len() < 20, "{at} {byte}");
        }
    }
}

/// An event with all that its metadata wants, and these fields.
fn event(event_type: &str, fields: &[&str]) -> String {
    let metadata = format!(
        r#""eventTimestamp":"2024-02-29T23:59:59.5Z","eventType":"{event_type}","vendorName":"A","productName":"B""#
    );
    let fields = fields.iter().filter(|it| !it.is_empty());
    let fields: String = fields.map(|it| format!(",{it}")).collect();
    format!("{{\"metadata\":{{{metadata}}}{fields}}}")
}

/// Findings as lines: severity, path, message.
fn told(events: &str) -> Vec<String> {
    let findings = validate(events.as_bytes()).into_iter();
    let lines = findings.map(|it| format!("{:?} {}: {}", it.severity, it.path, it.message));
    lines.collect()
}
