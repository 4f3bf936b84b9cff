//! 1Password Connect: vaults and items looked up by name, and fields taken out of items.

pub(super) mod reference;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use provisionhook_plugin_abi::sdk::{Fault, Response};
use provisionhook_provider_kit::{
    outside::{Outside, Request},
    percent::encoded,
};
use serde::{Deserialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use self::reference::Reference;
use super::{Answer, Asked, client::Client};
use crate::{
    config,
    document::{Document, Lack},
};

/// The section that 1Password's apps put fields into that nobody put into one.
const NO_SECTION: &str = "add more";

pub(crate) struct Connect {
    client: Client,
    token: Zeroizing<String>,
    /// By the secret's name in the configuration.
    references: BTreeMap<String, Reference>,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    fields: Vec<Field>,
    #[serde(default)]
    sections: Vec<Section>,
}

#[derive(Deserialize)]
struct Field {
    id: String,
    #[serde(default)]
    label: String,
    /// Not there when it is empty.
    value: Option<Zeroizing<String>>,
    section: Option<Section>,
}

#[derive(Deserialize)]
struct Section {
    id: String,
    #[serde(default)]
    label: String,
}

impl Connect {
    pub(super) fn new(config: config::Connect, names: &[String]) -> Result<Self, Fault> {
        let parsed = names
            .iter()
            .map(|name| Ok((name.clone(), Reference::parse(name)?)));
        let references: Result<_, String> = parsed.collect();
        Ok(Self {
            client: Client::new(
                "1Password Connect",
                &config.base_url,
                "/onepassword_connect/base_url",
                "/message",
            )?,
            token: config.token,
            references: references.map_err(Fault::config)?,
        })
    }

    pub(super) fn name(&self) -> String {
        self.client.service.to_string()
    }

    pub(super) async fn check<O: Outside>(
        &self,
        outside: &O,
        limit: Duration,
    ) -> Result<(), Fault> {
        let response = self.get(outside, "/v1/vaults", limit).await?;
        self.client.read::<Vec<Listed>>(&response).map(drop)
    }

    pub(super) async fn fetch<O: Outside>(
        &self,
        outside: &O,
        asked: &Asked<'_>,
    ) -> Result<Answer, Fault> {
        let mut document = Document::default();
        let mut items: BTreeMap<(&str, &str), Result<Item, Lacking>> = BTreeMap::new();
        for (name, reference) in &self.references {
            let place = (reference.vault.as_str(), reference.item.as_str());
            let found = match items.remove(&place) {
                Some(found) => found,
                None => self.item(outside, reference, asked.limit).await?,
            };
            let field = match &found {
                Ok(item) => item.field(reference),
                Err(lacking) => Err(lacking.clone()),
            };
            items.insert(place, found);
            document.add(name, field.map_err(Lack::from));
        }
        Ok(Answer::New(Arc::new(document)))
    }

    /// The item, or why it is not to be had, which keeps nobody from the other items.
    async fn item<O: Outside>(
        &self,
        outside: &O,
        reference: &Reference,
        limit: Duration,
    ) -> Result<Result<Item, Lacking>, Fault> {
        let vault = match self
            .look_up(outside, "/v1/vaults", "name", &reference.vault, limit)
            .await?
        {
            Ok(id) => id,
            Err(lacking) => return Ok(Err(lacking)),
        };
        let items = format!("/v1/vaults/{vault}/items");
        let item = match self
            .look_up(outside, &items, "title", &reference.item, limit)
            .await?
        {
            Ok(id) => id,
            Err(lacking) => return Ok(Err(lacking)),
        };
        let response = self.get(outside, &format!("{items}/{item}"), limit).await?;
        self.found(&response)
    }

    /// The id behind a name. What has the form of an id is one.
    async fn look_up<O: Outside>(
        &self,
        outside: &O,
        path: &str,
        by: &str,
        name: &str,
        limit: Duration,
    ) -> Result<Result<String, Lacking>, Fault> {
        if reference::is_id(name) {
            return Ok(Ok(name.to_owned()));
        }
        let filter = encoded(&format!("{by} eq \"{name}\""));
        let response = self
            .get(outside, &format!("{path}?filter={filter}"), limit)
            .await?;
        let listed: Vec<Listed> = match self.found(&response)? {
            Ok(listed) => listed,
            Err(lacking) => return Ok(Err(lacking)),
        };
        Ok(match listed.as_slice() {
            [one] => Ok(one.id.clone()),
            [] => Err(Lacking::NotFound),
            more => Err(Lacking::Several(by.to_owned(), more.len())),
        })
    }

    async fn get<O: Outside>(
        &self,
        outside: &O,
        path: &str,
        limit: Duration,
    ) -> Result<Response, Fault> {
        let request = Request::get(format!("{}{path}", self.client.base)).bearer(&self.token);
        self.client.exchange(outside, request, limit).await
    }

    /// A vault or item that the token may not see, or that is not there, is a lack and no failure of the whole.
    fn found<T: DeserializeOwned>(&self, response: &Response) -> Result<Result<T, Lacking>, Fault> {
        match response.status() {
            403 => Ok(Err(Lacking::Denied)),
            404 => Ok(Err(Lacking::NotFound)),
            _ => self.client.read(response).map(Ok),
        }
    }
}

/// As a document's lack, but for items that several secrets are in.
#[derive(Clone)]
enum Lacking {
    NotFound,
    Denied,
    /// So many things have this name or title.
    Several(String, usize),
}

impl From<Lacking> for Lack {
    fn from(lacking: Lacking) -> Self {
        match lacking {
            Lacking::NotFound => Self::NotFound,
            Lacking::Denied => Self::Denied,
            Lacking::Several(what, count) => Self::Unusable(format!(
                "expected one thing of that {what}, found {count}; use the id in its place"
            )),
        }
    }
}

impl Item {
    /// The value of a field. Without a section in the reference, a field that is in none is meant, or else the only one of that name.
    fn field(&self, reference: &Reference) -> Result<Zeroizing<String>, Lacking> {
        let named: Vec<&Field> = self
            .fields
            .iter()
            .filter(|field| reference::same(&reference.field, &field.id, &field.label))
            .collect();
        let found = match &reference.section {
            Some(section) => named
                .iter()
                .find(|field| self.is_in(field, section))
                .copied(),
            None => match named.as_slice() {
                [one] => Some(*one),
                all => all.iter().find(|field| field.is_in_no_section()).copied(),
            },
        };
        match found {
            Some(field) => field.value.clone().ok_or(Lacking::NotFound),
            None if named.len() > 1 && reference.section.is_none() => {
                Err(Lacking::Several("field".to_owned(), named.len()))
            }
            None => Err(Lacking::NotFound),
        }
    }

    /// A field names its section by id alone; the item says what it is called.
    fn is_in(&self, field: &Field, wanted: &str) -> bool {
        let Some(section) = &field.section else {
            return false;
        };
        let listed = self.sections.iter().find(|listed| listed.id == section.id);
        let label = listed.map_or(section.label.as_str(), |listed| &listed.label);
        reference::same(wanted, &section.id, label)
    }
}

impl Field {
    fn is_in_no_section(&self) -> bool {
        self.section
            .as_ref()
            .is_none_or(|section| section.id == NO_SECTION)
    }
}
