#include "console/json.h"

#include <fmt/format.h>

namespace posthouse::console {

namespace json = boost::json;

json::object to_json(const directory::Domain& domain)
{
    return {{"name", domain.name}, {"catchAll", domain.catch_all}, {"disabled", domain.disabled}};
}

json::object to_json(const directory::Account& account)
{
    return {{"id", id_text(account.id)},          {"address", account.address},
            {"name", account.display_name},       {"quota", account.quota_bytes},
            {"disabled", account.disabled},       {"outgoingPerHour", account.outgoing_per_hour},
            {"undoSeconds", account.undo_seconds}};
}

json::object to_json(const directory::Alias& alias)
{
    return {{"address", alias.address}, {"targets", json::array(alias.targets.begin(), alias.targets.end())}};
}

namespace {

std::string_view role_of(mailbox::SpecialUse use)
{
    switch (use) {
    case mailbox::SpecialUse::none: return "";
    case mailbox::SpecialUse::drafts: return "drafts";
    case mailbox::SpecialUse::sent: return "sent";
    case mailbox::SpecialUse::junk: return "junk";
    case mailbox::SpecialUse::trash: return "trash";
    case mailbox::SpecialUse::archive: return "archive";
    }
    return "";
}

unsigned status_of(ErrorCode code)
{
    switch (code) {
    case ErrorCode::malformed: return 400;
    case ErrorCode::not_permitted: return 403;
    case ErrorCode::not_found: return 404;
    case ErrorCode::already_exists:
    case ErrorCode::conflict: return 409;
    case ErrorCode::too_large: return 413;
    case ErrorCode::over_quota:
    case ErrorCode::limit:
    case ErrorCode::no_space: return 507;
    case ErrorCode::unavailable:
    case ErrorCode::timeout:
    case ErrorCode::cancelled: return 503;
    default: return 500;
    }
}

}  // namespace

json::object to_json(const mailbox::Mailbox& mailbox)
{
    return {{"id", id_text(mailbox.id)},
            {"name", mailbox.name},
            {"role", role_of(mailbox.special_use)},
            {"isSubscribed", mailbox.subscribed},
            {"totalEmails", mailbox.messages},
            {"unreadEmails", mailbox.unseen},
            {"size", mailbox.size},
            {"uidValidity", mailbox.uid_validity},
            {"selectable", mailbox.selectable}};
}

net::HttpResponse problem(const Error& error)
{
    const json::object body{{"type", to_string(error.code)}, {"detail", error.text}};
    return {status_of(error.code), "application/problem+json", json::serialize(body)};
}

net::HttpResponse document(const json::value& value) { return {200, "application/json", json::serialize(value)}; }

Result<json::object> body_object(const net::HttpRequest& request)
{
    if (request.body.size() > 64 * 1024)
        return fail(ErrorCode::too_large, "the request is over 64 KiB");
    boost::system::error_code error;
    json::value value = json::parse(request.body, error);
    if (error || !value.is_object())
        return fail(ErrorCode::malformed, "the request's body is not a JSON object");
    return std::move(value.as_object());
}

Result<std::string> text_of(const json::object& object, std::string_view name)
{
    const json::value* value = object.if_contains(name);
    if (value == nullptr || !value->is_string())
        return fail(ErrorCode::malformed, fmt::format("\"{}\" must be a text", name));
    return std::string(value->as_string());
}

std::string text_of(const json::object& object, std::string_view name, std::string_view otherwise)
{
    return text_of(object, name).value_or(std::string(otherwise));
}

Result<std::uint64_t> number_of(const json::object& object, std::string_view name)
{
    const json::value* value = object.if_contains(name);
    boost::system::error_code error;
    const std::uint64_t number = value == nullptr ? 0 : value->to_number<std::uint64_t>(error);
    if (value == nullptr || error)
        return fail(ErrorCode::malformed, fmt::format("\"{}\" must be a whole number, not below 0", name));
    return number;
}

Result<bool> flag_of(const json::object& object, std::string_view name)
{
    const json::value* value = object.if_contains(name);
    if (value == nullptr || !value->is_bool())
        return fail(ErrorCode::malformed, fmt::format("\"{}\" must be true or false", name));
    return value->as_bool();
}

}  // namespace posthouse::console
