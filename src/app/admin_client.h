// How the operator's commands reach the house: the running server over the Unix socket in its data
// folder, or, where none runs, the store itself, opened for the length of the command.
#pragma once

#include "net/http.h"

#include <boost/json.hpp>

#include <memory>
#include <string>

namespace posthouse::app {

class AdminClient {
public:
    virtual ~AdminClient() = default;
    virtual Result<net::HttpResponse> call(net::HttpRequest request) = 0;
    virtual bool is_running_server() const = 0;

    // call() with JSON both ways. A problem document becomes an Error with its detail.
    Result<boost::json::object> ask(std::string method, std::vector<std::string> path,
                                    const boost::json::object& body = {},
                                    std::map<std::string, std::string> query = {});
};

// Errors: not_found (no such data folder), not_permitted (it is another user's), unavailable.
Result<std::unique_ptr<AdminClient>> open_admin(const std::string& data_folder);

// Where the socket is.
std::string socket_path(const std::string& data_folder);

// The data folder a command means: what was given, else POSTHOUSE_DATA, else the server's
// /var/lib/posthouse where it exists, else the lab's. In a lab's folder it is that of `house`, or else of
// the first one.
std::string data_folder_of(const std::string& given, const std::string& house = {});
std::string lab_folder();  // holds a folder for each house

}  // namespace posthouse::app
