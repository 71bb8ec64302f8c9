#include "app/lab_screen.h"

#include "app/lab_plan.h"
#include "base/terminal.h"

#include <fmt/format.h>

namespace posthouse::app {

namespace {

std::string where(const House& house, Door door)
{
    for (const House::Listening& listening : house.listening())
        if (listening.door == door)
            return listening.at.text();
    return "-";
}

std::string port_table(std::span<const std::unique_ptr<House>> houses)
{
    std::string text = fmt::format("  {:<12}", "");
    for (const LabHousePlan& plan : lab_houses())
        text += fmt::format(" {:<16}", plan.domain);
    text.resize(text.find_last_not_of(' ') + 1);
    text += '\n';
    for (const LabPort& port : lab_ports()) {
        text += fmt::format("  {:<12}", name_of(port.door));
        for (const std::unique_ptr<House>& house : houses)
            text += fmt::format(" {:<16}", where(*house, port.door));
        text += fmt::format(" {}\n", port.what_for);
    }
    return text;
}

std::string people()
{
    std::string text;
    for (const LabHousePlan& plan : lab_houses())
        for (const LabPerson& person : plan.people)
            text += (text.empty() ? "" : ", ") + person.address;
    return text;
}

std::string host_table()
{
    std::string text;
    for (const LabHost& host : lab_hosts())
        text += fmt::format("  {:<14} {}\n", host.name, host.lesson);
    return text;
}

}  // namespace

std::string lab_screen(std::span<const std::unique_ptr<House>> houses, std::uint16_t dns_port,
                       const std::string& folder, bool usual_folder, bool colour)
{
    const auto command = [&](std::string_view text, std::string_view comment) {
        return fmt::format("  {}{}\n", styled(text, Style::green, colour),
                           comment.empty() ? "" : fmt::format("   {}", comment));
    };
    std::string text =
        styled("Posthouse lab: two houses that mail each other, on this machine alone\n\n", Style::bold, colour);
    text += port_table(houses);
    text += fmt::format("\n  People   {}\n"
                        "           everybody's password is {}\n"
                        "  Data     {}   (north/lab.log, south/lab.log)\n"
                        "  DNS      dig @127.0.0.1 -p {} mx south.test\n",
                        people(), lab_password, folder, dns_port);
    text += "\nUnhappy hosts, to learn from: write to anybody there\n\n" + host_table();
    text += "\nTry, in another terminal:\n\n";
    if (!usual_folder)
        text += command("export POSTHOUSE_DATA=" + folder, "");
    text += command("build/posthouse send carol@south.test -m Hello --from alice@north.test", "");
    text += command("build/posthouse inbox --user carol@south.test", "");
    text += command("build/posthouse trace --to carol@south.test --dialogue", "its way, word by word");
    text += command("build/posthouse send eve@refuses.test -m Hello --from alice@north.test", "");
    text += command("build/posthouse inbox --user alice@north.test", "it came back: read 1");
    text += command(fmt::format("nc -C {}",
                                [&] {
                                    std::string at = where(*houses.front(), Door::smtp);
                                    at[at.rfind(':')] = ' ';
                                    return at;
                                }()),
                    "and type: ehlo me");
    return text + "\nCtrl-C ends it. The mail stays.\n";
}

}  // namespace posthouse::app
