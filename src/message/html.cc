// HTML to what a person would read of it. No parser of HTML: a reader of tags in one pass, without a tree.
#include "message/body.h"

#include "base/text.h"
#include "message/html_entities.h"

#include <algorithm>
#include <array>
#include <optional>

namespace posthouse::message {

namespace {

constexpr bool is_html_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

struct Tag {
    std::string name;  // lower case, without '/'
    bool closes = false;
    std::string href;  // of <a>
    std::string alt;  // of <img>
};

enum class Effect : std::uint8_t { none, line, paragraph, skip_content };

struct TagEffect {
    std::string_view name;
    Effect effect;
};
constexpr std::array tag_effects{TagEffect{"address", Effect::line},
                                 TagEffect{"article", Effect::line},
                                 TagEffect{"blockquote", Effect::paragraph},
                                 TagEffect{"body", Effect::line},
                                 TagEffect{"center", Effect::line},
                                 TagEffect{"dd", Effect::line},
                                 TagEffect{"div", Effect::line},
                                 TagEffect{"dl", Effect::paragraph},
                                 TagEffect{"dt", Effect::line},
                                 TagEffect{"footer", Effect::line},
                                 TagEffect{"form", Effect::line},
                                 TagEffect{"h1", Effect::paragraph},
                                 TagEffect{"h2", Effect::paragraph},
                                 TagEffect{"h3", Effect::paragraph},
                                 TagEffect{"h4", Effect::paragraph},
                                 TagEffect{"h5", Effect::paragraph},
                                 TagEffect{"h6", Effect::paragraph},
                                 TagEffect{"header", Effect::line},
                                 TagEffect{"hr", Effect::line},
                                 TagEffect{"li", Effect::line},
                                 TagEffect{"ol", Effect::paragraph},
                                 TagEffect{"p", Effect::paragraph},
                                 TagEffect{"pre", Effect::paragraph},
                                 TagEffect{"script", Effect::skip_content},
                                 TagEffect{"section", Effect::line},
                                 TagEffect{"style", Effect::skip_content},
                                 TagEffect{"table", Effect::paragraph},
                                 TagEffect{"template", Effect::skip_content},
                                 TagEffect{"title", Effect::skip_content},
                                 TagEffect{"tr", Effect::line},
                                 TagEffect{"ul", Effect::paragraph}};
static_assert(std::ranges::is_sorted(tag_effects, {}, &TagEffect::name));

Effect effect_of(std::string_view name)
{
    const auto found = std::ranges::lower_bound(tag_effects, name, {}, &TagEffect::name);
    return found != tag_effects.end() && found->name == name ? found->effect : Effect::none;
}

class HtmlReader {
public:
    HtmlReader(std::string_view html, std::size_t most) : html_(html), most_(most) { }
    std::string read();

private:
    void markup();
    std::optional<Tag> tag();
    std::string attribute_value();
    void apply(const Tag& tag);
    void apply_link(const Tag& tag);
    void skip_content(std::string_view name);
    void text_run();
    void entity();
    void blank();
    void character(std::string_view utf8);
    void word(std::string_view text);
    void want_breaks(unsigned count) { breaks_ = std::max(breaks_, out_.empty() ? 0u : count); }

    std::string_view html_;
    std::size_t most_;
    std::size_t at_ = 0;
    std::string out_;
    unsigned breaks_ = 0;  // line ends owed before the next character
    bool gap_ = false;  // a blank owed
    unsigned preformatted_ = 0;
    unsigned quotes_ = 0;
    std::string href_;
    std::size_t link_begin_ = 0;
};

std::string HtmlReader::read()
{
    while (at_ < html_.size() && out_.size() < most_) {
        if (html_[at_] == '<')
            markup();
        else if (html_[at_] == '&')
            entity();
        else
            text_run();
    }
    if (!out_.empty())
        out_ += '\n';
    return std::move(out_);
}

void HtmlReader::markup()
{
    const std::string_view rest = html_.substr(at_);
    if (rest.starts_with("<!--")) {
        const std::size_t end = html_.find("-->", at_ + 4);
        at_ = end == std::string_view::npos ? html_.size() : end + 3;
        return;
    }
    const char next = rest.size() > 1 ? rest[1] : '\0';
    if (next == '!' || next == '?') {
        at_ = std::min(html_.find('>', at_), html_.size() - 1) + 1;
        return;
    }
    if (!is_alpha(next) && next != '/') {
        character("<");
        ++at_;
        return;
    }
    if (const auto read = tag())
        apply(*read);
}

// `at_` stands on '<'. nullopt: the text ends within it.
std::optional<Tag> HtmlReader::tag()
{
    Tag tag;
    ++at_;
    if (html_[at_] == '/') {
        tag.closes = true;
        ++at_;
    }
    while (at_ < html_.size() && is_alnum(html_[at_]))
        tag.name += ascii_lower(html_[at_++]);
    while (at_ < html_.size() && html_[at_] != '>') {
        if (is_html_blank(html_[at_]) || html_[at_] == '/') {
            ++at_;
            continue;
        }
        const std::size_t begin = at_;
        while (at_ < html_.size() && html_[at_] != '=' && html_[at_] != '>' && !is_html_blank(html_[at_]))
            ++at_;
        const std::string_view name = html_.substr(begin, at_ - begin);
        if (at_ >= html_.size() || html_[at_] != '=')
            continue;
        ++at_;
        std::string value = attribute_value();
        if (tag.name == "a" && equals_ignoring_case(name, "href"))
            tag.href = std::move(value);
        else if (tag.name == "img" && equals_ignoring_case(name, "alt"))
            tag.alt = std::move(value);
    }
    if (at_ >= html_.size())
        return std::nullopt;
    ++at_;
    return tag;
}

std::string HtmlReader::attribute_value()
{
    while (at_ < html_.size() && is_html_blank(html_[at_]))
        ++at_;
    const char quote = at_ < html_.size() ? html_[at_] : '\0';
    std::size_t begin = at_;
    std::size_t end = at_;
    if (quote == '"' || quote == '\'') {
        begin = at_ + 1;
        end = std::min(html_.find(quote, begin), html_.size());
        at_ = std::min(end + 1, html_.size());
    } else {
        while (end < html_.size() && html_[end] != '>' && !is_html_blank(html_[end]))
            ++end;
        at_ = end;
    }
    return decode_html_entities(html_.substr(begin, end - begin));
}

void HtmlReader::apply(const Tag& tag)
{
    constexpr unsigned most_quotes = 10;
    const Effect effect = effect_of(tag.name);
    if (effect == Effect::skip_content && !tag.closes)
        return skip_content(tag.name);
    if (effect == Effect::paragraph)
        want_breaks(2);
    if (effect == Effect::line)
        want_breaks(1);
    if (tag.name == "br") {
        breaks_ = out_.empty() ? 0 : std::min(breaks_ + 1, 3u);
        gap_ = false;
    } else if (tag.name == "li" && !tag.closes) {
        word("*");
        blank();
    } else if (tag.name == "hr") {
        word("----");
        want_breaks(1);
    } else if (tag.name == "td" || tag.name == "th") {
        blank();
    } else if (tag.name == "img" && !tag.alt.empty()) {
        word("[" + tag.alt + "]");
    } else if (tag.name == "pre") {
        preformatted_ = tag.closes ? preformatted_ - (preformatted_ > 0 ? 1 : 0) : preformatted_ + 1;
    } else if (tag.name == "blockquote") {
        quotes_ = tag.closes ? quotes_ - (quotes_ > 0 ? 1 : 0) : std::min(quotes_ + 1, most_quotes);
    } else if (tag.name == "a") {
        apply_link(tag);
    }
}

// Where a link leads is told behind its text, unless its text says so.
void HtmlReader::apply_link(const Tag& tag)
{
    if (!tag.closes) {
        href_ = trim(tag.href);
        link_begin_ = out_.size();
        return;
    }
    const std::string href = std::exchange(href_, {});
    const bool leads_out = starts_with_ignoring_case(href, "http:") || starts_with_ignoring_case(href, "https:") ||
        starts_with_ignoring_case(href, "mailto:");
    const std::string_view text = std::string_view(out_).substr(std::min(link_begin_, out_.size()));
    std::string_view target = href;
    if (starts_with_ignoring_case(target, "mailto:"))
        target.remove_prefix(7);
    constexpr std::size_t longest_shown = 2000;  // no address worth reading is longer; keeps the search below small
    if (!leads_out || text.empty() || target.size() > longest_shown ||
        text.substr(0, 2 * longest_shown).find(target) != std::string_view::npos)
        return;
    blank();
    word("<" + std::string(target) + ">");
}

// To the closing tag of the same name; what has none hides the rest.
void HtmlReader::skip_content(std::string_view name)
{
    for (;;) {
        const std::size_t close = html_.find("</", at_);
        if (close == std::string_view::npos) {
            at_ = html_.size();
            return;
        }
        at_ = close + 2;
        if (!starts_with_ignoring_case(html_.substr(at_), name))
            continue;
        at_ = std::min(html_.find('>', at_), html_.size() - 1) + 1;
        return;
    }
}

void HtmlReader::text_run()
{
    const char c = html_[at_];
    if (preformatted_ > 0 && c == '\n') {
        breaks_ = out_.empty() ? 0 : breaks_ + 1;
        ++at_;
        return;
    }
    if (is_html_blank(c)) {
        preformatted_ > 0 && c != '\r' ? character(" ") : blank();
        ++at_;
        return;
    }
    const std::size_t begin = at_;
    while (at_ < html_.size() && !is_html_blank(html_[at_]) && html_[at_] != '<' && html_[at_] != '&')
        ++at_;
    character(html_.substr(begin, at_ - begin));
}

void HtmlReader::entity()
{
    const HtmlEntity entity = read_html_entity(html_.substr(at_));
    at_ += entity.length;
    if (entity.text == "\u00a0")
        blank();
    else
        character(entity.text);
}

void HtmlReader::blank() { gap_ = gap_ || (breaks_ == 0 && !out_.empty()); }

void HtmlReader::word(std::string_view text)
{
    for (const std::string_view piece : split(text, '\n'))
        character(piece);
}

// Appends, after the line ends and the blank that are owed.
void HtmlReader::character(std::string_view utf8)
{
    if (utf8.empty())
        return;
    if (breaks_ > 0) {
        for (unsigned i = 0; i < std::min(breaks_, 3u); ++i) {
            out_ += '\n';
            for (unsigned depth = 0; depth < quotes_ && i + 1 == std::min(breaks_, 3u); ++depth)
                out_ += depth + 1 == quotes_ ? "> " : ">";
        }
        breaks_ = 0;
        gap_ = false;
    } else if (out_.empty() && quotes_ > 0) {
        out_ += "> ";
    }
    if (gap_)
        out_ += ' ';
    gap_ = false;
    out_ += utf8;
}

}  // namespace

std::string html_to_text(std::string_view html, std::size_t most) { return HtmlReader(html, most).read(); }

}  // namespace posthouse::message
