#include "arguments.h"

#include <cmath>

namespace timbrel::host {
namespace {

constexpr int kLargestBuffer = 1 << 24;

// The values of one box, read from left to right.
class Reader {
  public:
    Reader(const Values& values, Arguments& arguments) : values_(values), arguments_(arguments) {}

    bool left() const { return next_ < values_.size(); }
    bool number() const { return left() && std::holds_alternative<double>(values_[next_]); }
    std::string text() { return text_of(values_[next_++]); }
    // The next number, where there is one and it is a whole one within bounds.
    std::optional<int> whole(int least, int most, const char* what) {
        if (!number())
            return std::nullopt;
        const double value = std::get<double>(values_[next_++]);
        if (value >= least && value <= most && value == std::floor(value))
            return static_cast<int>(value);
        char line[200];
        std::snprintf(line, sizeof(line), "%s %g is not possible; using the default", what, value);
        arguments_.complaints.push_back(line);
        return std::nullopt;
    }

  private:
    const Values& values_;
    Arguments& arguments_;
    size_t next_ = 0;
};

}  // namespace

Arguments parse_arguments(const std::string& object, Form form, const Values& values) {
    Arguments arguments;
    Reader reader(values, arguments);
    const auto read_buffer = [&] {
        arguments.buffer =
            reader.whole(0, kLargestBuffer, "a buffer of").value_or(TIMBREL_BUFFER_DEFAULT);
    };
    const auto read_channels = [&] {
        arguments.inlets = reader.whole(0, kMostChannels, "a number of inlets of");
        arguments.outlets = reader.whole(0, kMostChannels, "a number of outlets of");
    };
    const auto read_examples = [&] {
        arguments.examples = reader.whole(1, kMostChannels, "a number of examples of").value_or(1);
    };
    const std::string model = reader.left() ? reader.text() : "void";
    const bool is_void = model == "void";
    if (!is_void) {
        arguments.model = model;
        if (reader.left() && !reader.number())
            arguments.method = reader.text();
    }
    std::string usage = "[" + object + (is_void ? " void" : " model method");
    if (form == Form::examples) {
        usage += " examples buffer]";
        read_examples();
        read_buffer();
    } else if (is_void) {
        usage += " inlets outlets buffer]";
        read_channels();
        read_buffer();
    } else {
        usage += " buffer inlets outlets]";
        read_buffer();
        read_channels();
    }
    while (reader.left())
        arguments.complaints.push_back("argument '" + reader.text() + "' is not understood; " +
                                       usage);
    return arguments;
}

}  // namespace timbrel::host
