// A journey as JSON: what `posthouse trace` draws, and the console's page will.
//
// Texts are made printable here: what a peer wrote never reaches a terminal or a page as it came.
#pragma once

#include "journey/story.h"

#include <boost/json.hpp>

namespace posthouse::console {

// One event; `began`: what `after` (microseconds) is counted from.
boost::json::object to_json(const journey::Event& event, WallTime began);
boost::json::object to_json(const journey::Story& story);
// The same without hops and steps: a line of a list.
boost::json::object summary_of(const journey::Story& story);

}  // namespace posthouse::console
