//! The slip of a request: what its controller writes to the service, and says to the custodians.
//! Nothing on it is secret.

use std::path::Path;

use cstatns::card::spoken;
use cstatns::commitment::Use;
use cstatns::identifier::Scheme;
use cstatns::manifest::manifest_path;
use cstatns::name::Name;
use cstatns_controller::Prepared;

use crate::lang::{said, text};
use crate::output::Program;

/// What the service is asked for, in words.
fn asked(prepared: &Prepared) -> String {
    let requested = &prepared.requested;
    match (requested.r#use, requested.generation) {
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
            requested.scheme.map_or("-", Scheme::name)
        ),
    }
}

/// Shows the slip; of a parcel one for the mail alone, for custodians see who signed it. The result
/// goes to its sender, or to the controller that a holder sends it for.
pub(super) fn tell(
    program: &Program,
    request: &Path,
    prepared: &Prepared,
    (is_parcel, controller): (bool, Option<&Name>),
) {
    // The demonstration says the same in its own words.
    if !program.is_alone() {
        return;
    }
    let (requested, input) = (&prepared.requested, &prepared.input);
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (file, manifest) = (name(request), name(&manifest_path(request)));
    let (asked, words, input) = (asked(prepared), spoken(&input.commitment), said(input));
    let (service, domain) = (&requested.service, &requested.domain);
    if is_parcel {
        let to = match controller {
            Some(name) => text!("`{name}`", "à `{name}`"),
            None => text!("us", "à nous"),
        };
        return program.tell(text!(
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
            Pour le courrier au service :\n\
            \x20 Nous demandons au service {service} {asked} dans le domaine {domain}. La demande est le colis {file}\n\
            \x20 ({input}). Merci d'envoyer le résultat en colis {to}."
        ));
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
