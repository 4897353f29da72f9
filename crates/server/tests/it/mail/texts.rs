//! Languages, and the texts that an organization writes itself.

use std::fs;

use serde_json::json;
use store::mail::NewMail;

use super::{new_store, queue, server, to, until_is};
use crate::harness::smtp::MailServer;

fn of(address: &str, locale: &str) -> NewMail {
    let mut new = to(address);
    new.content.locale = Some(locale.into());
    new
}

/// The subject and the beginning of the text that somebody with this locale gets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_are_written_to_in_their_language() {
    let (store, mail_server) = (new_store().await, MailServer::start().await);
    let text = store.data().join("text.toml");
    let text_name = text.display().to_string();
    assert!(!text_name.contains(' '), "{text_name}");
    fs::write(
        &text,
        "subject = \"Bem-vindo à {{ organization }}\"\n\
         text = \"\"\"\nOlá {{ name }},\n\nentre <aqui>: {{ link }}\n\"\"\"\n",
    )
    .unwrap();
    let set = store
        .command(&format!("organization mail-text set acme --language pt_BR {text_name}"))
        .await;
    assert_eq!((&set["language"], &set["is_own"]), (&json!("pt-br"), &json!(true)));
    fs::write(&text, r#"{"subject": "Servus bei {{organization}}", "text": "{{name}}: {{link}}"}"#)
        .unwrap();
    store.command(&format!("organization mail-text set acme --language es {text_name}")).await;
    store.command("organization update acme --enrolment-sender Team").await;

    let cases = [
        ("en", "Your account for Acme", "Hello Ines Okafor,"),
        ("de-CH", "Ihr Konto für Acme", "Guten Tag Ines Okafor,"),
        ("FR", "Votre compte pour Acme", "Bonjour Ines Okafor,"),
        ("es-419", "Servus bei Acme", "Ines Okafor: https"),
        ("pt-BR", "Bem-vindo à Acme", "Olá Ines Okafor,"),
        ("ja", "Your account for Acme", "Hello Ines Okafor,"),
        ("ja, fr;q=0.5, de;q=0.7", "Ihr Konto für Acme", "Guten Tag"),
        ("<script>", "Your account for Acme", "Hello"),
    ];
    let address = |number: usize| format!("person{number}@example.com");
    let all = cases.iter().enumerate().map(|(number, case)| of(&address(number), case.0));
    queue(&store, all.collect()).await;
    let server = server(&store, &mail_server).await;
    for number in 0..cases.len() {
        until_is(&store, &address(number), "sent").await;
    }
    let received = mail_server.received();
    for (number, (locale, subject, beginning)) in cases.into_iter().enumerate() {
        let mail = received.iter().find(|mail| mail.to == address(number)).unwrap();
        let message = mail.message();
        assert_eq!(message.subject(), Some(subject), "{locale}");
        assert!(message.body_text(0).unwrap().starts_with(beginning), "{locale}");
        assert_eq!(message.from().unwrap().first().unwrap().name(), Some("Team"));
        if locale == "pt-BR" {
            let html = message.body_html(0).unwrap();
            assert!(html.contains("lang=\"pt-br\"") && html.contains("entre &lt;aqui&gt;:"));
        }
    }
    drop(server);

    // Taken away: the built-in text, or English.
    store.command("organization mail-text clear acme --language es").await;
    store.command("organization mail-text clear acme --language pt-BR").await;
    let again = [("es", "Su cuenta para Acme"), ("pt-BR", "Your account for Acme")];
    queue(&store, again.map(|(locale, _)| of(&format!("{locale}@example.com"), locale)).into())
        .await;
    let _server = super::server(&store, &mail_server).await;
    for (locale, subject) in again {
        let address = format!("{locale}@example.com");
        until_is(&store, &address, "sent").await;
        let received = mail_server.received();
        let mail = received.iter().find(|mail| mail.to == address).unwrap();
        assert_eq!(mail.message().subject(), Some(subject));
    }
}

/// What is shown can be edited and set; mistakes are refused with their place.
#[tokio::test]
async fn texts_are_shown_set_and_cleared() {
    let store = new_store().await;
    let all = store.command("organization mail-text show acme").await;
    let languages: Vec<&str> =
        all.as_array().unwrap().iter().map(|t| t["language"].as_str().unwrap()).collect();
    assert_eq!(languages, ["de", "en", "es", "fr"]);
    assert!(all.as_array().unwrap().iter().all(|text| text["is_own"] == false));

    let shown = store.command_text("organization mail-text show acme --language de").await;
    assert!(shown.starts_with("subject = \"Ihr Konto für {{ organization }}\"\n"), "{shown}");
    let text = store.data().join("text.toml");
    let set = format!("organization mail-text set acme --language de {}", text.display());
    fs::write(&text, shown.replace("Guten Tag", "Grüezi")).unwrap();
    store.command(&set).await;
    let own = store.command("organization mail-text show acme --language DE").await;
    assert_eq!(own[0]["is_own"], true);
    assert!(own[0]["text"].as_str().unwrap().starts_with("Grüezi {{ name }},\n\n"), "{own}");
    let again = store.command_text("organization mail-text show acme --language de").await;
    assert_eq!(again, fs::read_to_string(&text).unwrap(), "what is shown can be set");
    let table = store.command_text("organization mail-text show acme").await;
    assert!(table.contains("# de: of the organization\n"), "{table}");
    assert!(table.contains("# en: built in\n"), "{table}");

    for (source, said) in [
        (
            "subject = \"x\"\ntext = \"{{ nmae }}\"",
            "`text`, line 1, column 1: unknown placeholder `nmae`",
        ),
        ("subject = \"x\"\ntext = \"y\"\nhtml = \"z\"", "line 3: unknown field `html`"),
        ("subject = \"\"\ntext = \"y\"", "`subject` is empty"),
        ("subject = ", "line 1: "),
    ] {
        fs::write(&text, source).unwrap();
        let output = store.command_output(&set).await;
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(said) && error.contains("text.toml"), "{error}");
    }
    let after = store.command("organization mail-text show acme --language de").await;
    assert_eq!(after, own, "nothing was changed");

    store.command("organization mail-text clear acme --language de").await;
    for (arguments, status) in [
        ("clear acme --language de", 1),
        ("show acme --language ja", 1),
        ("show acme --language not!a!tag", 2),
        ("show nobody", 1),
        ("set acme --language de /nowhere/text.toml", 2),
    ] {
        let arguments = format!("organization mail-text {arguments}");
        let output = store.command_output(&arguments).await;
        assert_eq!(output.status.code(), Some(status), "{arguments}");
    }
}
