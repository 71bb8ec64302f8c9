// What would happen to a message, without sending one: asked of the very doors, directory, router and
// retry plans that a real one meets.
#pragma once

#include "directory/directory.h"
#include "smtp/agent.h"
#include "smtp/router.h"

namespace posthouse::mta::route {

// How a domain's mail is tried again; the roof asks the queue.
struct RetryPlan {
    std::vector<Duration> delays;  // the last one repeats
    Duration warn_after{};  // 0: no notice
    Duration give_up_after{};
};
class RetryPlans {
public:
    virtual ~RetryPlans() = default;
    virtual RetryPlan plan_for(const std::string& domain) const = 0;
};

struct ExplainServices {
    directory::Directory& directory;
    smtp::Router& router;
    // Doors of explain's own, that tell nobody: what is asked here happened to no message.
    smtp::Door& receive;
    smtp::Door& submission;
    const RetryPlans* plans;  // nullptr: not known
};

struct ExplainedRoute {
    std::string address;  // whose
    smtp::Route route;
    std::optional<RetryPlan> retry;
};

struct ExplainedRecipient {
    std::string address;
    smtp::Reply reply;  // to RCPT
    std::vector<directory::Target> local;  // into whose mailboxes it would be filed
    std::vector<ExplainedRoute> remote;
};

struct Explanation {
    std::string from;
    std::string door;  // "msa", "mta/receive"
    std::string login;  // the account it would be submitted as; empty on port 25
    std::string why_door;  // a sentence
    smtp::Reply reply;  // to MAIL; where it refuses, recipients are not asked for
    std::vector<ExplainedRecipient> recipients;
};

inline constexpr std::size_t most_explained = 100;  // recipients

// Errors: malformed (no address; the text says which), limit.
Task<Result<Explanation>> explain(ExplainServices services, std::string from, std::vector<std::string> to);

}  // namespace posthouse::mta::route
