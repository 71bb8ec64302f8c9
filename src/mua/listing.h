// What the numbers of the last listing mean: kept for each terminal, so that `read 3` is the third
// line of what this terminal was shown last.
//
// A number is never guessed: it stands for a mailbox, its UIDVALIDITY and a UID of one account, and
// is refused where that listing was another login's or another account's. Threads: one.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::mua {

// One message, wherever it is shown and named.
struct Place {
    std::string mailbox;
    std::uint32_t uid_validity = 0;
    std::uint32_t uid = 0;
    std::string unique_id;  // POP3's; then the others are empty
    friend bool operator==(const Place&, const Place&) = default;
};

struct Listing {
    std::string account;  // whose: user and server
    std::string address;  // the identity's
    bool by_pop3 = false;
    std::uint64_t session = 0;  // the login session of the terminal (getsid): terminals' names come again
    std::vector<Place> rows;  // row 0 has the number 1
};

Result<Listing> parse_listing(std::string_view json);
std::string listing_text(const Listing& listing);

// The file for this terminal, in $XDG_RUNTIME_DIR/posthouse, else the state folder. Without a terminal
// (a script) it is the session's.
std::string listing_file();
std::uint64_t this_session();

Result<void> keep_listing(const std::string& file, const Listing& listing);
// Errors: not_found with a sentence, where there is none that these numbers could mean.
Result<Listing> last_listing(const std::string& file, const std::string& account);

// How a person names messages.
struct Reference {
    enum class Kind : std::uint8_t {
        number,  // of the last listing
        place,  // INBOX/1700000000/42, uidl:…
        email_id,  // RFC 8474
    };
    Kind kind = Kind::number;
    std::uint32_t number = 0;
    Place place;
    std::string email_id;
    friend bool operator==(const Reference&, const Reference&) = default;
};
inline constexpr std::size_t most_references = 10'000;

// "3", "2-5", "1,4,7-9", "INBOX/1700000000/42", "uidl:…", "M6d99ac3275bb4e". malformed says what is wrong.
Result<std::vector<Reference>> parse_references(std::span<const std::string> words);

// The id that always works: the server's EMAILID, else where it is.
std::string permanent_id(const Place& place, std::string_view email_id);

// The places that these numbers mean. not_found: a number past the listing's end.
Result<std::vector<Place>> places_of(const Listing& listing, std::span<const std::uint32_t> numbers);

}  // namespace posthouse::mua
