#include "app/lab_plan.h"

#include <fmt/format.h>

namespace posthouse::app {

namespace {

constexpr auto slow_pace = 250ms;  // a byte: half a minute for a message

lab::HostScript script_of(std::string_view name)
{
    lab::HostScript script;
    script.name = name;
    return script;
}

lab::HostScript slow()
{
    lab::HostScript script = script_of("slow.test");
    script.pace = slow_pace;
    script.extensions = {"PIPELINING"};
    return script;
}

lab::HostScript answering_recipients(std::string_view name, std::string_view reply)
{
    lab::HostScript script = script_of(name);
    script.replies["RCPT"] = reply;
    return script;
}

lab::HostScript greylisting()
{
    lab::HostScript script = script_of("greylist.test");
    script.greylists = true;
    return script;
}

lab::HostScript broken_tls()
{
    lab::HostScript script = script_of("badtls.test");
    script.breaks_tls = true;
    return script;
}

}  // namespace

std::span<const LabHousePlan> lab_houses()
{
    static const std::array houses{
        LabHousePlan{
            "north", "north.test", "127.0.0.1", {{"alice@north.test", "Alice North"}, {"bob@north.test", "Bob North"}}},
        LabHousePlan{"south",
                     "south.test",
                     "127.0.0.2",
                     {{"carol@south.test", "Carol South"}, {"dave@south.test", "Dave South"}}},
    };
    return houses;
}

std::span<const LabPort> lab_ports()
{
    static constexpr std::array ports{
        LabPort{Door::smtp, 2525, "mail from other servers"},
        LabPort{Door::submission, 2587, "mail from its people, STARTTLS"},
        LabPort{Door::submissions, 2465, "the same, TLS"},
        LabPort{Door::imap, 2143, "mailboxes, STARTTLS"},
        LabPort{Door::imaps, 2993, "the same, TLS"},
        LabPort{Door::pop3, 2110, "download, STLS"},
        LabPort{Door::pop3s, 2995, "the same, TLS"},
    };
    return ports;
}

std::span<const LabHost> lab_hosts()
{
    static const std::array hosts{
        LabHost{"slow.test", "127.0.0.10", "says a byte now and then: half a minute a message", slow()},
        LabHost{"down.test", "127.0.0.11", "nothing listens there: tried again, for five days", std::nullopt},
        LabHost{"full.test", "127.0.0.12", "452, the mailbox is full: tried again",
                answering_recipients("full.test", "452 4.2.2 the mailbox is full")},
        LabHost{"refuses.test", "127.0.0.13", "550, nobody of that name: it comes back at once",
                answering_recipients("refuses.test", "550 5.1.1 there is nobody of that name")},
        LabHost{"greylist.test", "127.0.0.14", "450 the first time, taken the second time", greylisting()},
        LabHost{"nomx.test", "", "says in the DNS that it takes no mail (null MX)", std::nullopt},
        LabHost{"badtls.test", "127.0.0.15", "its TLS is broken: delivered without", broken_tls()},
    };
    return hosts;
}

lab::DnsZones lab_zones()
{
    lab::DnsZones zones;
    zones.origins = {"test", "127.in-addr.arpa"};
    const auto add = [&](std::string_view domain, std::string_view address) {
        const std::string host = fmt::format("mx.{}", domain);
        zones.names[std::string(domain)].mx = {{10, host}};
        zones.names[std::string(domain)].txt = {"v=spf1 mx -all"};
        zones.add_host(host, std::string(address));
    };
    for (const LabHousePlan& house : lab_houses()) {
        add(house.domain, house.address);
        zones.names[std::string(house.domain)].v4 = {std::string(house.address)};
        zones.names[fmt::format("mail.{}", house.domain)].cname = house.domain;
    }
    for (const LabHost& host : lab_hosts())
        if (!host.address.empty())
            add(host.name, host.address);
        else
            zones.names[std::string(host.name)].mx = {{0, ""}};  // RFC 7505
    return zones;
}

}  // namespace posthouse::app
