use super::*;

/// Family, platform, system, variant, browser and version.
fn summary(text: &str) -> Option<String> {
    let it = parse(text)?;
    let platform = it.platform.unwrap_or("-");
    let os = it.os.as_deref().unwrap_or("-");
    let variant = it.os_variant.unwrap_or("-");
    Some(
        [
            it.family,
            platform,
            os,
            variant,
            it.browser,
            it.browser_version,
        ]
        .join("|"),
    )
}

#[rustfmt::skip]
const AGENTS: &[(&str, &str)] = &[
    // Azure DevOps's own, from audit logs.
    ("TFS JobAgent(TfsJobAgent.exe, 19.224.33927.8)", "OTHER|-|-|-|TFS JobAgent|19.224.33927.8"),
    ("VSServices/19.240.35104.2 (w3wp.exe)", "OTHER|-|-|-|VSServices|19.240.35104.2"),
    ("VSServices/17.199.34320.5 (devenv.exe, Enterprise, SKU:8)", "OTHER|-|-|-|VSServices|17.199.34320.5"),
    ("VstsAgentCore-linux-x64/3.240.1 (Linux 5.15.0-1057-azure)",
        "OTHER|Linux|Linux 5.15.0-1057-azure|-|Azure Pipelines agent|3.240.1"),
    ("VstsAgentCore-win-x64/3.240.1 (Microsoft Windows 10.0.20348)",
        "OTHER|Windows|Windows NT 10.0.20348|-|Azure Pipelines agent|3.240.1"),
    ("git/2.45.2 (Microsoft Windows NT 10.0.22631; Win32NT x64) CLR/4.0.30319 VSServices/19.225.35011.3",
        "OTHER|Windows|Windows NT 10.0.22631|x64|Git|2.45.2"),
    ("python/3.11.5 (Windows-10-10.0.19045-SP0) msrest/0.7.1 azure-devops/5.1.0b4 devOpsCli/0.25.0",
        "OTHER|Windows|Windows NT 10.0.19045|-|Azure DevOps CLI|0.25.0"),
    ("python/3.10.12 (Linux-5.15.0-1057-azure-x86_64-with-glibc2.35) AZURECLI/2.60.0",
        "OTHER|Linux|Linux 5.15.0|-|Azure CLI|2.60.0"),
    ("python/3.12 (macOS-14.4-arm64-arm-64bit) msrest/0.7.1 azure-devops/7.1.0b4",
        "OTHER|Macintosh|macOS 14.4|-|Azure DevOps Python|7.1.0b4"),
    // Browsers.
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/72.0.3626.119 \
        Safari/537.36", "APPLEWEBKIT|Windows|Windows NT 10.0|Win64|Chrome|72.0.3626.119"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/106.0.0.0 \
        Safari/537.36 Edg/106.0.1370.37", "APPLEWEBKIT|Windows|Windows NT 10.0|Win64|Edge|106.0.1370.37"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/64.0.3282.140 \
        Safari/537.36 Edge/18.17763", "APPLEWEBKIT|Windows|Windows NT 10.0|Win64|Edge|18.17763"),
    ("Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile \
        Safari/537.36 EdgA/126.0.0.0", "APPLEWEBKIT|Android|Android 14|-|Edge|126.0.0.0"),
    ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 \
        Safari/537.36", "APPLEWEBKIT|CrOS|CrOS 14541.0.0|x86_64|Chrome|126.0.0.0"),
    ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 \
        OPR/111.0.0.0", "OPERA|Linux|Linux|x86_64|Opera|111.0.0.0"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Code/1.90.0 \
        Chrome/122.0.6261.156 Electron/29.4.0 Safari/537.36",
        "APPLEWEBKIT|Windows|Windows NT 10.0|Win64|Electron|29.4.0"),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
        Version/17.4.1 Safari/605.1.15", "APPLEWEBKIT|Macintosh|Mac OS X 10.15.7|-|Safari|17.4.1"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
        Version/17.5 Mobile/15E148 Safari/604.1", "APPLEWEBKIT|iPhone|iOS 17.5|-|Safari|17.5"),
    ("Mozilla/5.0 (iPad; CPU OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
        CriOS/126.0.6478.35 Mobile/15E148 Safari/604.1", "APPLEWEBKIT|iPad|iOS 17.5.1|-|Chrome|126.0.6478.35"),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:126.0) Gecko/20100101 Firefox/126.0",
        "GECKO|Macintosh|Mac OS X 10.15|-|Firefox|126.0"),
    ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0",
        "GECKO|Linux|Ubuntu|x86_64|Firefox|126.0"),
    ("Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
        "MSIE|Windows|Windows NT 10.0|WOW64|Internet Explorer|11.0"),
    ("Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0)",
        "MSIE|Windows|Windows NT 6.2|-|Internet Explorer|10.0"),
    ("Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18",
        "OPERA|Windows|Windows NT 6.1|WOW64|Opera|12.18"),
    // Tools and libraries.
    ("Mozilla/5.0 (Windows NT; Windows NT 10.0; de-DE) WindowsPowerShell/5.1.19041.4291",
        "OTHER|Windows|Windows NT 10.0|-|PowerShell|5.1.19041.4291"),
    ("Mozilla/5.0 (Linux; Ubuntu 22.04.4 LTS; en-US) PowerShell/7.4.2",
        "OTHER|Linux|Ubuntu 22.04.4|-|PowerShell|7.4.2"),
    ("git/2.39.3 (Apple Git-146)", "OTHER|-|-|-|Git|2.39.3"),
    ("git/2.45.1.windows.1", "OTHER|-|-|-|Git|2.45.1.windows.1"),
    ("git-lfs/3.4.0 (GitHub; windows amd64; go 1.21.1; git d06d6e9e)",
        "OTHER|Windows|Windows NT|amd64|Git LFS|3.4.0"),
    ("Terraform/1.8.3 (+https://www.terraform.io) terraform-provider-azuredevops/1.1.1",
        "OTHER|-|-|-|Terraform|1.8.3"),
    ("Apache-HttpClient/4.5.14 (Java/17.0.11)", "OTHER|-|-|-|Apache HttpClient|4.5.14"),
    ("Python/3.11 aiohttp/3.9.5", "OTHER|-|-|-|aiohttp|3.9.5"),
    ("python-requests/2.31.0", "OTHER|-|-|-|Requests|2.31.0"),
    ("node-fetch/1.0 (+https://github.com/bitinn/node-fetch)", "OTHER|-|-|-|node-fetch|1.0"),
    ("node/v20.11.1", "OTHER|-|-|-|Node.js|20.11.1"),
    ("Wget/1.21.2 (linux-gnu)", "OTHER|Linux|Linux|-|Wget|1.21.2"),
    ("CURL/8.4.0", "OTHER|-|-|-|curl|8.4.0"),
    ("PostmanRuntime/7.37.3", "OTHER|-|-|-|Postman|7.37.3"),
    ("Go-http-client/2.0", "OTHER|-|-|-|Go-http-client|2.0"),
    ("okhttp/4.12.0", "OTHER|-|-|-|OkHttp|4.12.0"),
    ("axios/1.6.8", "OTHER|-|-|-|axios|1.6.8"),
    ("Java/17.0.11", "OTHER|-|-|-|Java|17.0.11"),
];

#[test]
fn known_agents_are_taken_apart() {
    for (text, expected) in AGENTS {
        assert_eq!(summary(text).as_deref(), Some(*expected), "{text}");
    }
}

#[test]
fn unknown_agents_give_nothing() {
    for text in [
        "",
        "curl",
        "Chrome/",
        "Chrome/dev",
        "gitk/1.0",
        "Azure DevOps Service",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64)",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "日本語/1.0",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn only_the_first_kibibyte_is_looked_at() {
    let late = format!("{} curl/8.4.0", "é".repeat(512));
    assert_eq!(parse(&late), None);
    let cut = format!("{}curl/8.4.0", "; ".repeat(509));
    assert_eq!(summary(&cut).as_deref(), Some("OTHER|-|-|-|curl|8"));
}

#[test]
fn json_has_the_names_asked_for() {
    let agent = parse(AGENTS[9].0).unwrap();
    assert_eq!(
        agent.json(FieldNames::LowerCamel),
        concat!(
            r#"{"family":"APPLEWEBKIT","platform":"Windows","os":"Windows NT 10.0","osVariant":"Win64","#,
            r#""browser":"Chrome","browserVersion":"72.0.3626.119"}"#
        )
    );
    assert_eq!(
        parse("curl/8.4.0").unwrap().json(FieldNames::Proto),
        r#"{"family":"OTHER","browser":"curl","browser_version":"8.4.0"}"#
    );
}

#[test]
fn nothing_of_the_text_needs_escaping() {
    for text in [
        r#"curl/8"4\0 (Linux 5"6)"#,
        "curl/8\n4 (Linux 5\t)",
        "curl/8\u{7f}é (Android 1\u{0})",
    ] {
        let json = parse(text).unwrap().json(FieldNames::LowerCamel);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["browserVersion"], "8", "{text}");
        assert!(!json.contains('\\'), "{text}");
    }
}
