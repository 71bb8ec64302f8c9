#include "imap/server/search_answer.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

mailbox::ModSeq highest_modseq(std::span<const Hit> hits)
{
    mailbox::ModSeq highest = 0;
    for (const Hit& hit : hits)
        highest = std::max(highest, hit.modseq);
    return highest;
}

// RFC 4731 section 3.2: of what is told. With MIN, MAX or PARTIAL alone that is not all that was found.
mailbox::ModSeq told_modseq(const Hits& hits, const SearchReturn& asked)
{
    if (asked.all || asked.count)
        return highest_modseq(hits);
    mailbox::ModSeq highest = asked.partial ? highest_modseq(cut(hits, *asked.partial)) : 0;
    if (asked.min)
        highest = std::max(highest, hits.front().modseq);
    if (asked.max)
        highest = std::max(highest, hits.back().modseq);
    return highest;
}

void write_relevancy(Serializer& out, std::span<const Hit> hits)
{
    std::string scores;
    for (const Hit& hit : hits)
        scores += (scores.empty() ? "" : " ") + std::to_string(hit.relevancy);
    out.raw(" RELEVANCY (").raw(scores).raw(")");
}

}  // namespace

std::string numbers_text(std::span<const Hit> hits)
{
    std::string text;
    for (std::size_t i = 0; i < hits.size();) {
        std::size_t run = 1;
        while (i + run < hits.size() && hits[i + run].number == hits[i].number + run)
            ++run;
        text += (text.empty() ? "" : ",") + std::to_string(hits[i].number);
        if (run > 1)
            text += ":" + std::to_string(hits[i + run - 1].number);
        i += run;
    }
    return text;
}

void write_plain(Serializer& out, std::string_view word, const Hits& hits, const AnswerForm& form)
{
    out.raw("* ").raw(word);
    for (const Hit& hit : hits)
        out.raw(" ").number(hit.number);
    if (form.with_modseq && !hits.empty())
        out.raw(" (MODSEQ ").number(highest_modseq(hits)).raw(")");
    out.crlf();
}

void write_extended(Serializer& out, const Hits& hits, const SearchReturn& asked, const AnswerForm& form)
{
    out.raw("* ESEARCH (TAG ").string(form.tag);
    if (!form.mailbox.empty())
        out.raw(" MAILBOX ").mailbox(form.mailbox).raw(" UIDVALIDITY ").number(form.uid_validity);
    out.raw(")");
    if (form.by_uid)
        out.raw(" UID");
    if (!hits.empty()) {
        if (asked.min)
            out.raw(" MIN ").number(hits.front().number);
        if (asked.max)
            out.raw(" MAX ").number(hits.back().number);
        if (asked.all)
            out.raw(" ALL ").raw(numbers_text(hits));
    }
    if (asked.partial) {
        const std::string part = numbers_text(cut(hits, *asked.partial));
        out.raw(" PARTIAL (").raw(asked.partial->text()).raw(" ").raw(part.empty() ? "NIL" : part).raw(")");
    }
    // RFC 6203 section 4: in the order of what is told; all that was found where nothing else is.
    if (asked.relevancy && !hits.empty())
        write_relevancy(out, asked.partial ? cut(hits, *asked.partial) : std::span(hits));
    if (asked.count)
        out.raw(" COUNT ").number(hits.size());
    if (form.with_modseq && !hits.empty())
        if (const mailbox::ModSeq highest = told_modseq(hits, asked); highest != 0)
            out.raw(" MODSEQ ").number(highest);
    out.crlf();
}

}  // namespace posthouse::imap
