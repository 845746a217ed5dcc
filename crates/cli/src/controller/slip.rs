//! The slip of a request: what its controller writes to the service, and says to the custodians.
//! Nothing on it is secret.

use std::path::Path;

use cstatns::card::spoken;
use cstatns::commitment::Use;
use cstatns::identifier::Scheme;
use cstatns::manifest::{Content, manifest_path};
use cstatns::meta::ServiceId;
use cstatns::name::Name;
use cstatns_controller::Prepared;

use crate::lang::{said, text};
use crate::output::Program;

/// What goes where.
pub(super) struct Sent<'a> {
    pub(super) request: &'a Path,
    pub(super) service: &'a ServiceId,
    pub(super) domain: &'a Name,
    /// Whether the request is a parcel.
    pub(super) is_parcel: bool,
    /// The controller that a holder sends it for.
    pub(super) controller: Option<&'a Name>,
    /// The parcel of a payload, and the linking body that it is for.
    pub(super) payload: Option<(&'a Path, &'a Name)>,
}

/// What the service is asked for, in words.
fn asked(content: Content) -> String {
    match (content.r#use(), content.generation()) {
        (Use::Renew, None) => text!("to renew codes", "de renouveler des codes"),
        (Use::Renew, Some(generation)) => text!(
            "to renew codes of generation {generation}",
            "de renouveler des codes de génération {generation}"
        ),
        (Use::LookUp, _) => {
            text!("to look people up and code them", "de rechercher des personnes et de les coder")
        }
        _ => text!(
            "to code identifiers ({})",
            "de coder des identifiants ({})",
            content.scheme().map_or("-", Scheme::name)
        ),
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Shows the slip; of a parcel one for the mail alone, for custodians see who signed it. The result
/// goes to its sender, to the controller that a holder sends it for, or to the linking body that a
/// payload went to.
pub(super) fn tell(program: &Program, sent: &Sent<'_>, prepared: &Prepared) {
    // The demonstration says the same in its own words.
    if !program.is_alone() {
        return;
    }
    let Sent { request, service, domain, is_parcel, controller, payload } = sent;
    let input = &prepared.input;
    let (file, manifest) = (name(request), name(&manifest_path(request)));
    let words = spoken(&input.commitment);
    let (asked, input) = (asked(prepared.content), said(input));
    if *is_parcel {
        let to = match (payload, controller) {
            (Some((_, name)), _) | (None, Some(name)) => text!("`{name}`", "à `{name}`"),
            (None, None) => text!("us", "à nous"),
        };
        program.tell(text!(
            "\n\
            REQUEST\n\
            service   {service}\n\
            domain    {domain}\n\
            asked     {asked}\n\
            file      {file}\n\
            holds     {input}\n\
            \n\
            For the mail to the service:\n\
            \x20 We ask the service {service} {asked} in the domain {domain}. The request is the parcel {file} ({input}).\n\
            \x20 Please send the result in a parcel to {to}.",
            "\n\
            DEMANDE\n\
            service   {service}\n\
            domaine   {domain}\n\
            objet     {asked}\n\
            fichier   {file}\n\
            contenu   {input}\n\
            \n\
            Pour le courrier au service :\n\
            \x20 Nous demandons au service {service} {asked} dans le domaine {domain}. La demande est le colis {file}\n\
            \x20 ({input}). Merci d'envoyer le résultat en colis {to}."
        ));
        if let Some((payload, linking)) = payload {
            let (payload, rows) = (name(payload), prepared.rows);
            program.tell(text!(
                "\n\
                PAYLOAD\n\
                to        {linking}\n\
                file      {payload}\n\
                holds     {rows} rows\n\
                \n\
                For the mail to {linking}:\n\
                \x20 The parcel {payload} holds the rows ({rows}) that go with the result which the service {service}\n\
                \x20 sends to you in the domain {domain}. The words of the request are {words}.",
                "\n\
                DONNÉES À APPARIER\n\
                pour      {linking}\n\
                fichier   {payload}\n\
                contenu   {rows} lignes\n\
                \n\
                Pour le courrier à {linking} :\n\
                \x20 Le colis {payload} contient les lignes ({rows}) qui vont avec le résultat que le service {service}\n\
                \x20 vous envoie dans le domaine {domain}. Les mots de la demande sont {words}."
            ));
        }
        return;
    }
    program.tell(text!(
        "\n\
        REQUEST\n\
        service   {service}\n\
        domain    {domain}\n\
        asked     {asked}\n\
        files     {file}\n          {manifest}\n\
        holds     {input}\n\
        \n\
        For the mail to the service:\n\
        \x20 We ask the service {service} {asked} in the domain {domain}. The request is {file} ({input}), with its\n\
        \x20 manifest {manifest} beside it. Please return the result with its report.\n\
        \n\
        For the custodians, by telephone and not by that mail:\n\
        \x20 {words}\n\
        They approve the request only if they are shown these words.",
        "\n\
        DEMANDE\n\
        service   {service}\n\
        domaine   {domain}\n\
        objet     {asked}\n\
        fichiers  {file}\n          {manifest}\n\
        contenu   {input}\n\
        \n\
        Pour le courrier au service :\n\
        \x20 Nous demandons au service {service} {asked} dans le domaine {domain}. La demande est {file} ({input}),\n\
        \x20 avec son manifeste {manifest} à côté. Merci de renvoyer le résultat avec son rapport.\n\
        \n\
        Pour les détenteurs, par téléphone et non par ce courrier :\n\
        \x20 {words}\n\
        Ils ne consentent à la demande que si ces mots leur sont montrés."
    ));
}
