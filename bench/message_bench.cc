// What the message room costs: bytes to Digest, and the Digest to its row and back.
//
// The headline figure (docs: a whole 10 KiB message's header and MIME structure in under 15 µs) is
// Digest/mail: an everyday mail as it arrives over the Internet, with trace fields, DKIM and ARC, text and HTML.
#include "message/address.h"
#include "message/body.h"
#include "message/header.h"
#include "message/parser.h"

#include <benchmark/benchmark.h>

#include <fmt/format.h>

namespace posthouse::message {
namespace {

std::string trace_fields()
{
    std::string header;
    for (int hop = 0; hop < 4; ++hop)
        header += fmt::format("Received: from mail{}.example.net (mail{}.example.net [192.0.2.{}])\r\n\tby "
                              "mx.north.test (Posthouse) with ESMTPS "
                              "id 01h455vb4pex5\r\n\t(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384);\r\n\tSun, 22 Nov "
                              "2026 00:02:2{} +0000\r\n",
                              hop, hop, hop, hop);
    const std::string signature(340, 'x');
    header +=
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.net;\r\n\th=from:to:subject:date;\r\n\tb=" +
        signature + "\r\n";
    header += "ARC-Seal: i=1; a=rsa-sha256; d=example.net; s=arc;\r\n\tb=" + signature + "\r\n";
    header += "ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed;\r\n\tb=" + signature + "\r\n";
    for (int i = 0; i < 10; ++i)
        header += fmt::format("X-Mailer-Header-{}: some value that nobody will ever read again {}\r\n", i, i);
    return header;
}

// As DigestBuilder sees most mail: header of some 3 KiB, multipart/alternative of text and HTML, 10 KiB in all.
const std::string& mail()
{
    static const std::string text = [] {
        std::string message = trace_fields();
        message +=
            "Date: Sun, 22 Nov 2026 00:02:27 +0100\r\nFrom: =?utf-8?Q?J=C3=B6rg_M=C3=BCller?= <joerg@example.net>\r\n"
            "To: Alice <alice@north.test>, \"Builder, Bob\" <bob@north.test>\r\nCc: carol@south.test\r\n"
            "Subject: =?utf-8?Q?Die_Gr=C3=BC=C3=9Fe?= of the week\r\nMessage-ID: "
            "<20261122000227.GA1234@example.net>\r\n"
            "In-Reply-To: <20261121000227.GA1233@example.net>\r\n"
            "References: <20261120000227.GA1232@example.net>\r\n <20261121000227.GA1233@example.net>\r\n"
            "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"=_0123456789abcdef\"\r\n\r\n"
            "--=_0123456789abcdef\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n\r\n";
        const std::string line = "The quick brown fox jumps over the lazy dog, and the dog =C3=A4rgert sich=.\r\n";
        while (message.size() < 5500)
            message += line;
        message += "\r\n--=_0123456789abcdef\r\nContent-Type: text/html; charset=utf-8\r\n"
                   "Content-Transfer-Encoding: quoted-printable\r\n\r\n<html><body>\r\n";
        while (message.size() < 10'100)
            message += "<p style=3D\"margin: 0\">The quick brown fox jumps over the lazy dog.</p>\r\n";
        return message + "</body></html>\r\n--=_0123456789abcdef--\r\n";
    }();
    return text;
}

void Digest_mail(benchmark::State& state)
{
    for (auto _ : state)
        benchmark::DoNotOptimize(digest_of(mail()));
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * mail().size()));
}
BENCHMARK(Digest_mail)->Name("Digest/mail");

// What smtp-source sends: eight short fields and 10 KiB of text.
void Digest_plain(benchmark::State& state)
{
    std::string message =
        "Received: from x (x [127.0.0.1])\r\n\tby north.test with ESMTP id 1;\r\n\tSun, 22 Nov 2026 00:02:27 +0000\r\n"
        "From: <a@x.test>\r\nTo: <b@north.test>\r\nDate: Sun, 22 Nov 2026 00:02:27 +0000\r\n"
        "Message-Id: <1.2.3@x.test>\r\n\r\n";
    while (message.size() < 10'240)
        message += std::string(78, 'X') + "\r\n";
    for (auto _ : state)
        benchmark::DoNotOptimize(digest_of(message));
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * message.size()));
}
BENCHMARK(Digest_plain)->Name("Digest/plain");

// The same mail as a socket brings it: in pieces of 4 KiB.
void Digest_pieces(benchmark::State& state)
{
    for (auto _ : state) {
        DigestBuilder builder;
        for (std::size_t at = 0; at < mail().size(); at += 4096)
            builder.feed(std::string_view(mail()).substr(at, 4096));
        benchmark::DoNotOptimize(builder.finish());
    }
}
BENCHMARK(Digest_pieces)->Name("Digest/pieces");

void Digest_big(benchmark::State& state)
{
    std::string message = mail();
    message.insert(message.size() - 25,
                   std::string("\r\n--=_0123456789abcdef\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: "
                               "base64\r\n\r\n"));
    std::string lines;
    while (lines.size() < 10'000'000)
        lines += std::string(76, 'A') + "\r\n";
    message.insert(message.size() - 25, lines);
    for (auto _ : state)
        benchmark::DoNotOptimize(digest_of(message));
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * message.size()));
}
BENCHMARK(Digest_big)->Name("Digest/attachment of 10 MB");

void Digest_encode(benchmark::State& state)
{
    const Digest digest = digest_of(mail());
    for (auto _ : state)
        benchmark::DoNotOptimize(encode(digest));
    state.counters["bytes"] = static_cast<double>(encode(digest).size());
}
BENCHMARK(Digest_encode)->Name("Digest/encode");

void Digest_decode(benchmark::State& state)
{
    const std::string stored = encode(digest_of(mail()));
    for (auto _ : state)
        benchmark::DoNotOptimize(decode_digest(stored));
}
BENCHMARK(Digest_decode)->Name("Digest/decode");

void Header_fields(benchmark::State& state)
{
    for (auto _ : state) {
        HeaderReader reader(mail());
        while (const auto field = reader.next())
            benchmark::DoNotOptimize(field->value.data());
    }
}
BENCHMARK(Header_fields)->Name("Header/fields");

void Address_list(benchmark::State& state)
{
    for (auto _ : state)
        benchmark::DoNotOptimize(
            read_addresses("Alice <alice@north.test>, \"Builder, Bob\" <bob@north.test>, carol@south.test"));
}
BENCHMARK(Address_list)->Name("Address/three");

void Body_quoted_printable(benchmark::State& state)
{
    const std::string_view raw = std::string_view(mail()).substr(4000, 4000);
    for (auto _ : state)
        benchmark::DoNotOptimize(decode_transfer(raw, TransferEncoding::quoted_printable));
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * raw.size()));
}
BENCHMARK(Body_quoted_printable)->Name("Body/quoted-printable");

}  // namespace
}  // namespace posthouse::message

BENCHMARK_MAIN();
