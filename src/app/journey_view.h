// A journey on the terminal: a tree of hops, steps and waits; the conversation; a list; a live line.
//
// Pure: the API's document (console/journey_json.h) in, text out. Its texts are printable already.
#pragma once

#include <boost/json.hpp>

#include <string>

namespace posthouse::app {

struct ViewOptions {
    std::size_t width = 80;  // columns
    bool colour = false;
    bool dialogue = false;  // also who said what: the client red, the server blue
};

// One message, whole.
std::string journey_tree(const boost::json::object& journey, const ViewOptions& options);
// One event as it happens; empty: nothing to show.
std::string live_line(const boost::json::object& event, const ViewOptions& options);

// "delivered", "waiting", "1 of 2 delivered, 1 failed": what became of it, in all.
struct Outcome {
    std::string text;
    enum class Mood { good, waiting, bad } mood = Mood::good;
};
Outcome outcome_of(const boost::json::object& journey);

std::string span_text(std::int64_t microseconds);  // "0.4 ms", "12 ms", "1.2 s", "3 min 5 s", "2 h 4 m", "5 d 3 h";
                                                   // "earlier" for less than 0

}  // namespace posthouse::app
