//! Every UDM path that a table may write, in the order in which events print them, and what it holds.
//!
//! The names are the proto names of Google's UDM field list; `[]` is the one element of a repeated message, a name in
//! brackets one of several. Byte limits are those of Google's UDM usage guide. A test holds the table to the schema.

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text, an enum or a timestamp: one JSON string.
    Text,
    /// A text of at most so many bytes; a longer one is cut and stands whole in `additional`.
    AtMost(usize),
    /// A repeated text or enum: an array.
    Texts,
    /// Repeated key and value; rows name the key.
    Labels,
    /// The object `additional`; rows name the key.
    Fields,
    /// A message that a row's function gives as JSON in proto names, and remembers by its raw text.
    Message,
    /// Repeated messages that a row's function gives as a list in JSON. [`Kind::Labels`] without a key are the same.
    Messages,
    /// A text in the element that has its raw element's position.
    PerElement,
}

/// The paths.
#[rustfmt::skip]
pub const FIELDS: &[(&str, Kind)] = &[
    ("metadata.product_log_id",                              Kind::AtMost(256)),
    ("metadata.event_timestamp",                             Kind::Text),
    ("metadata.event_type",                                  Kind::Text),
    ("metadata.vendor_name",                                 Kind::AtMost(256)),
    ("metadata.product_name",                                Kind::AtMost(256)),
    ("metadata.product_event_type",                          Kind::AtMost(64)),
    ("metadata.description",                                 Kind::AtMost(1024)),
    ("metadata.ingestion_labels",                            Kind::Labels),
    ("metadata.product_deployment_id",                       Kind::Text),
    ("metadata.log_type",                                    Kind::Text),
    ("additional.fields",                                    Kind::Fields),
    ("principal.hostname",                                   Kind::Text),
    ("principal.user.userid",                                Kind::Text),
    ("principal.user.user_display_name",                     Kind::Text),
    ("principal.user.email_addresses",                       Kind::Texts),
    ("principal.user.account_type",                          Kind::Text),
    ("principal.user.attribute.labels",                      Kind::Labels),
    ("principal.ip",                                         Kind::Texts),
    ("principal.asset.ip",                                   Kind::Texts),
    ("principal.asset.hostname",                             Kind::Text),
    ("principal.location.city",                              Kind::Text),
    ("principal.location.country_or_region",                 Kind::Text),
    ("principal.resource.attribute.labels",                  Kind::Labels),
    ("principal.namespace",                                  Kind::Text),
    ("target.user.userid",                                   Kind::Text),
    ("target.user.user_display_name",                        Kind::Text),
    ("target.user.email_addresses",                          Kind::Texts),
    ("target.user.account_type",                             Kind::Text),
    ("target.user.attribute.roles",                          Kind::Messages),
    ("target.application",                                   Kind::Text),
    ("target.location.name",                                 Kind::Text),
    ("target.resource.id",                                   Kind::Text),
    ("target.resource.name",                                 Kind::Text),
    ("target.resource.resource_type",                        Kind::Text),
    ("target.resource.resource_subtype",                     Kind::Text),
    ("target.resource.attribute.labels",                     Kind::Labels),
    ("target.resource.product_object_id",                    Kind::Text),
    ("target.namespace",                                     Kind::Text),
    ("target.group.product_object_id",                       Kind::Text),
    ("target.group.group_display_name",                      Kind::Text),
    ("target.asset.attribute.cloud.environment",             Kind::Text),
    ("target.resource_ancestors[PIPELINE].name",             Kind::Text),
    ("target.resource_ancestors[PIPELINE].resource_subtype", Kind::Text),
    ("target.resource_ancestors[PIPELINE].product_object_id", Kind::Text),
    ("target.resource_ancestors[CLOUD_PROJECT].name",        Kind::Text),
    ("target.resource_ancestors[CLOUD_PROJECT].resource_type", Kind::Text),
    ("target.resource_ancestors[CLOUD_PROJECT].resource_subtype", Kind::Text),
    ("target.resource_ancestors[CLOUD_PROJECT].product_object_id", Kind::Text),
    ("target.resource_ancestors[CLOUD_ORGANIZATION].name",   Kind::Text),
    ("target.resource_ancestors[CLOUD_ORGANIZATION].resource_type", Kind::Text),
    ("target.resource_ancestors[CLOUD_ORGANIZATION].resource_subtype", Kind::Text),
    ("target.resource_ancestors[CLOUD_ORGANIZATION].product_object_id", Kind::Text),
    ("target.resource_ancestors[ACCOUNT].name",              Kind::Text),
    ("target.resource_ancestors[ACCOUNT].resource_subtype",  Kind::Text),
    ("target.resource_ancestors[ACCOUNT].product_object_id", Kind::Text),
    ("intermediary",                                         Kind::Messages),
    ("about[].user.userid",                                  Kind::PerElement),
    ("about[].group.product_object_id",                      Kind::PerElement),
    ("about[impersonating].user.userid",                     Kind::Text),
    ("about[impersonating].user.user_display_name",          Kind::Text),
    ("about[impersonating].user.email_addresses",            Kind::Texts),
    ("about[impersonating].user.account_type",               Kind::Text),
    ("about[impersonating].labels",                          Kind::Labels),
    ("security_result[].category",                           Kind::Texts),
    ("security_result[].category_details",                   Kind::Texts),
    ("security_result[].action",                             Kind::Texts),
    ("security_result[].severity",                           Kind::Text),
    ("security_result[].rule_id",                            Kind::Text),
    ("security_result[].action_details",                     Kind::Text),
    ("security_result[].detection_fields",                   Kind::Labels),
    ("network.http.method",                                  Kind::Text),
    ("network.http.user_agent",                              Kind::Text),
    ("network.http.parsed_user_agent",                       Kind::Message),
    ("extensions.auth.mechanism",                            Kind::Texts),
    ("extensions.auth.auth_details",                         Kind::Text),
    ("extensions.auth.outcome",                              Kind::Text),
];
