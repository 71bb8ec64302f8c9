#include "mua/listing.h"

#include "base/text.h"
#include "mua/identity.h"

#include <boost/json.hpp>

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <unistd.h>

namespace posthouse::mua {

namespace json = boost::json;

namespace {

constexpr std::string_view unique_id_prefix = "uidl:";

std::uint64_t number_at(const json::object& object, std::string_view name)
{
    const json::value* value = object.if_contains(name);
    boost::system::error_code error;
    return value == nullptr || !value->is_number() ? 0 : value->to_number<std::uint64_t>(error);
}

std::string text_at(const json::object& object, std::string_view name)
{
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::string folder()
{
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    if (runtime != nullptr && *runtime == '/')
        return std::string(runtime) + "/posthouse";
    const char* state = std::getenv("XDG_STATE_HOME");
    if (state != nullptr && *state == '/')
        return std::string(state) + "/posthouse/terminals";
    const char* home = std::getenv("HOME");
    return fmt::format("{}/.local/state/posthouse/terminals", home != nullptr && *home != '\0' ? home : "/tmp");
}

// "12" or "3-7".
std::optional<std::pair<std::uint32_t, std::uint32_t>> range(std::string_view text)
{
    const std::size_t dash = text.find('-');
    const auto first = parse_number<std::uint32_t>(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_number<std::uint32_t>(text.substr(dash + 1));
    if (!first || !last || *first == 0 || *last < *first)
        return std::nullopt;
    return std::pair(*first, *last);
}

bool looks_like_numbers(std::string_view word)
{
    return !word.empty() && std::ranges::all_of(word, [](char c) { return is_digit(c) || c == '-' || c == ','; });
}

// Names of mailboxes may hold the separator: the two numbers are taken from the end.
std::optional<Place> place(std::string_view word)
{
    if (word.starts_with(unique_id_prefix) && word.size() > unique_id_prefix.size())
        return Place{.unique_id = std::string(word.substr(unique_id_prefix.size()))};
    const std::size_t second = word.rfind('/');
    const std::size_t first =
        second == std::string_view::npos || second == 0 ? std::string_view::npos : word.rfind('/', second - 1);
    if (first == std::string_view::npos || first == 0)
        return std::nullopt;
    const auto uid_validity = parse_number<std::uint32_t>(word.substr(first + 1, second - first - 1));
    const auto uid = parse_number<std::uint32_t>(word.substr(second + 1));
    if (!uid_validity || !uid || *uid == 0)
        return std::nullopt;
    return Place{std::string(word.substr(0, first)), *uid_validity, *uid, {}};
}

// RFC 8474: objectid = 1*255(ALPHA / DIGIT / "_" / "-")
bool is_object_id(std::string_view word)
{
    return !word.empty() && word.size() <= 255 &&
        std::ranges::all_of(word, [](char c) { return is_alnum(c) || c == '_' || c == '-'; });
}

}  // namespace

Result<Listing> parse_listing(std::string_view text)
{
    const auto broken = [] { return fail(ErrorCode::malformed, "the kept listing cannot be read"); };
    boost::system::error_code error;
    const json::value document = json::parse({text.data(), text.size()}, error);
    if (error || !document.is_object())
        return broken();
    Listing listing;
    listing.account = text_at(document.as_object(), "account");
    listing.address = text_at(document.as_object(), "address");
    listing.session = number_at(document.as_object(), "session");
    const json::value* rows = document.as_object().if_contains("rows");
    if (rows == nullptr || !rows->is_array())
        return broken();
    for (const json::value& row : rows->as_array()) {
        if (!row.is_object())
            return broken();
        const json::object& object = row.as_object();
        listing.rows.push_back({text_at(object, "mailbox"),
                                static_cast<std::uint32_t>(number_at(object, "uidValidity")),
                                static_cast<std::uint32_t>(number_at(object, "uid")), text_at(object, "uniqueId")});
        listing.by_pop3 = listing.by_pop3 || !listing.rows.back().unique_id.empty();
    }
    return listing;
}

std::string listing_text(const Listing& listing)
{
    json::array rows;
    for (const Place& row : listing.rows) {
        json::object object;
        if (row.unique_id.empty())
            object = {{"mailbox", row.mailbox}, {"uidValidity", row.uid_validity}, {"uid", row.uid}};
        else
            object = {{"uniqueId", row.unique_id}};
        rows.push_back(std::move(object));
    }
    return json::serialize(json::object{{"account", listing.account},
                                        {"address", listing.address},
                                        {"session", listing.session},
                                        {"rows", std::move(rows)}});
}

std::uint64_t this_session() { return static_cast<std::uint64_t>(std::max<pid_t>(0, ::getsid(0))); }

std::string listing_file()
{
    std::string terminal;
    for (const int descriptor : {STDERR_FILENO, STDOUT_FILENO, STDIN_FILENO}) {
        const char* name = ::ttyname(descriptor);
        if (name == nullptr)
            continue;
        terminal = name;
        std::ranges::replace(terminal, '/', '-');
        break;
    }
    if (terminal.empty())
        terminal = fmt::format("-session-{}", this_session());
    return fmt::format("{}/listing{}", folder(), terminal);
}

Result<void> keep_listing(const std::string& file, const Listing& listing)
{
    return write_private_file(file, listing_text(listing));
}

Result<Listing> last_listing(const std::string& file, const std::string& account)
{
    const auto refused = [](std::string why) {
        return fail(ErrorCode::not_found, why + "; list first: posthouse inbox, or posthouse search");
    };
    const Result<std::string> text = read_small_file(file);
    if (!text)
        return refused("a number means a line of the last listing, and this terminal has none yet");
    Result<Listing> listing = parse_listing(*text);
    if (!listing)
        return refused(listing.error().text);
    if (listing->session != this_session())
        return refused("the last listing on this terminal was another login's");
    if (!equals_ignoring_case(listing->account, account))
        return refused(fmt::format("the last listing on this terminal was of {}, not of {}",
                                   printable(listing->account, 200), printable(account, 200)));
    return listing;
}

Result<std::vector<Reference>> parse_references(std::span<const std::string> words)
{
    std::vector<Reference> all;
    const auto too_many = [] { return fail(ErrorCode::too_large, "more messages than one command takes"); };
    for (const std::string& word : words) {
        if (looks_like_numbers(word)) {
            for (const std::string_view piece : split(word, ',')) {
                const auto numbers = range(piece);
                if (!numbers)
                    return fail(ErrorCode::malformed,
                                fmt::format("\"{}\" is no list of numbers such as 3 or 2-5,9", printable(word, 100)));
                if (numbers->second - numbers->first >= most_references ||
                    all.size() + (numbers->second - numbers->first) >= most_references)
                    return too_many();
                for (std::uint32_t number = numbers->first; number <= numbers->second; ++number)
                    all.push_back({.kind = Reference::Kind::number, .number = number});
            }
        } else if (auto where = place(word)) {
            all.push_back({.kind = Reference::Kind::place, .place = std::move(*where)});
        } else if (is_object_id(word)) {
            all.push_back({.kind = Reference::Kind::email_id, .email_id = word});
        } else {
            return fail(ErrorCode::malformed,
                        fmt::format("\"{}\" names no message: a number of the last listing, or an id such as "
                                    "INBOX/1700000000/42",
                                    printable(word, 100)));
        }
        if (all.size() > most_references)
            return too_many();
    }
    return all;
}

std::string permanent_id(const Place& place, std::string_view email_id)
{
    if (!place.unique_id.empty())
        return std::string(unique_id_prefix) + place.unique_id;
    // An id of digits alone would be taken for a number of the listing.
    if (!email_id.empty() && !looks_like_numbers(email_id))
        return std::string(email_id);
    return fmt::format("{}/{}/{}", place.mailbox, place.uid_validity, place.uid);
}

Result<std::vector<Place>> places_of(const Listing& listing, std::span<const std::uint32_t> numbers)
{
    std::vector<Place> places;
    for (const std::uint32_t number : numbers) {
        if (number == 0 || number > listing.rows.size())
            return fail(ErrorCode::not_found,
                        fmt::format("there is no number {} in the last listing, which has {}; list again", number,
                                    listing.rows.size()));
        places.push_back(listing.rows[number - 1]);
    }
    return places;
}

}  // namespace posthouse::mua
