// Small helpers between the house's values and JSON, for the API.
#pragma once

#include "directory/directory.h"
#include "mailbox/mailbox.h"
#include "net/http.h"

#include <boost/json.hpp>

namespace posthouse::console {

boost::json::object to_json(const directory::Domain& domain);
boost::json::object to_json(const directory::Account& account);
boost::json::object to_json(const directory::Alias& alias);
boost::json::object to_json(const mailbox::Mailbox& mailbox);

// A problem document (RFC 9457) with the status that fits the error.
net::HttpResponse problem(const Error& error);
net::HttpResponse document(const boost::json::value& value);

// The request's body as an object of at most 64 KiB; malformed says what is wrong.
Result<boost::json::object> body_object(const net::HttpRequest& request);
// A member of a type; malformed names it. An absent one is the default where there is one.
Result<std::string> text_of(const boost::json::object& object, std::string_view name);
std::string text_of(const boost::json::object& object, std::string_view name, std::string_view otherwise);
Result<std::uint64_t> number_of(const boost::json::object& object, std::string_view name);
Result<bool> flag_of(const boost::json::object& object, std::string_view name);

}  // namespace posthouse::console
