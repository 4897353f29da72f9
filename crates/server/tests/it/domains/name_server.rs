//! A DNS server on loopback that answers as it is told.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use hickory_server::{
    Server,
    net::{runtime::Time, xfer::Protocol},
    proto::{
        op::{Metadata, ResponseCode},
        rr::{Name, RData, Record, rdata::TXT},
    },
    server::{Request, RequestHandler, ResponseHandler, ResponseInfo},
    zone_handler::MessageResponseBuilder,
};
use tokio::net::{TcpListener, UdpSocket};

use crate::harness::PATIENCE;

/// What is answered for a name.
#[derive(Clone)]
pub enum Answer {
    /// TXT records, each of several strings.
    Texts(Vec<Vec<String>>),
    /// The name exists and has no TXT record.
    NoRecord,
    Code(ResponseCode),
    /// Nothing at all.
    Silence,
    /// The same later.
    After(Duration, Box<Answer>),
}

/// TXT records of one string each.
pub fn texts<T: ToString>(texts: &[T]) -> Answer {
    Answer::Texts(texts.iter().map(|text| vec![text.to_string()]).collect())
}

#[derive(Default)]
struct Zone {
    answers: Mutex<HashMap<String, Answer>>,
    asked: Mutex<Vec<(String, Protocol)>>,
}

pub struct NameServer {
    zone: Arc<Zone>,
    pub address: String,
    _server: Server<Desk>,
}

struct Desk(Arc<Zone>);

impl NameServer {
    /// By UDP and TCP, on one port.
    pub async fn start() -> Self {
        let (udp, tcp) = loop {
            let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
            // Somebody else may have it.
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let address = tcp.local_addr().unwrap().to_string();
        let zone = Arc::new(Zone::default());
        let mut server = Server::new(Desk(Arc::clone(&zone)));
        server.register_socket(udp);
        server.register_listener(tcp, PATIENCE, 64);
        Self { zone, address, _server: server }
    }

    /// What is answered for a name from now on; for all others, that they do not exist.
    pub fn set(&self, name: &str, answer: Answer) {
        self.zone.answers.lock().unwrap().insert(name.into(), answer);
    }

    pub fn forget(&self, name: &str) {
        self.zone.answers.lock().unwrap().remove(name);
    }

    /// How a name was asked for, in order.
    pub fn asked(&self, name: &str) -> Vec<Protocol> {
        let asked = self.zone.asked.lock().unwrap();
        asked.iter().filter(|(asked, _)| asked == name).map(|(_, by)| *by).collect()
    }
}

#[async_trait::async_trait]
impl RequestHandler for Desk {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut response: R,
    ) -> ResponseInfo {
        let query = request.request_info().unwrap().query.original();
        let name = query.name().to_ascii().to_lowercase();
        let name = name.trim_end_matches('.').to_owned();
        self.0.asked.lock().unwrap().push((name.clone(), request.protocol()));
        let mut answer = self.0.answers.lock().unwrap().get(&name).cloned();
        if let Some(Answer::After(pause, later)) = answer {
            tokio::time::sleep(pause).await;
            answer = Some(*later);
        }
        let (code, records) = match answer {
            None => (ResponseCode::NXDomain, vec![]),
            Some(Answer::NoRecord) => (ResponseCode::NoError, vec![]),
            Some(Answer::Code(code)) => (code, vec![]),
            Some(Answer::Texts(texts)) => (ResponseCode::NoError, texts),
            Some(Answer::Silence | Answer::After(..)) => std::future::pending().await,
        };
        let owner = Name::from_ascii(format!("{name}.")).unwrap();
        let records: Vec<Record> = records
            .into_iter()
            .map(|strings| Record::from_rdata(owner.clone(), 60, RData::TXT(TXT::new(strings))))
            .collect();
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.response_code = code;
        let message = MessageResponseBuilder::from_message_request(request);
        let message = message.build(metadata, &records, [], [], []);
        response.send_response(message).await.unwrap()
    }
}
