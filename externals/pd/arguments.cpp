#include "arguments.h"

#include <cmath>

#include "atoms.h"

namespace timbrel::pd {
namespace {

constexpr int kLargestBuffer = 1 << 24;

class Reader {
  public:
    Reader(int count, const t_atom* atoms) : next_(atoms), end_(atoms + count) {}

    bool left() const { return next_ != end_; }
    bool number() const { return left() && next_->a_type == A_FLOAT; }
    bool flag() const {
        return left() && next_->a_type == A_SYMBOL && *next_->a_w.w_symbol->s_name == '-';
    }
    std::string text() { return text_of(*next_++); }
    // A whole number within bounds, else `otherwise` and a complaint.
    int whole(int least, int most, int otherwise, const char* what, Arguments& arguments) {
        const t_float value = atom_getfloat(next_++);
        if (value >= least && value <= most && value == std::floor(value))
            return static_cast<int>(value);
        char line[200];
        std::snprintf(line, sizeof(line), "%s %g is not possible; using the default", what,
                      static_cast<double>(value));
        arguments.complaints.push_back(line);
        return otherwise;
    }

  private:
    const t_atom* next_;
    const t_atom* end_;
};

}  // namespace

Arguments parse_arguments(int count, const t_atom* atoms) {
    Arguments arguments;
    Reader reader(count, atoms);
    while (reader.flag()) {
        const std::string flag = reader.text();
        if (flag == "-m") {
            arguments.multichannel = true;
        } else if (flag == "-gpu" || flag == "-g") {
            arguments.gpu = true;
        } else if (flag == "-d") {
            arguments.enabled = false;
        } else {
            arguments.complaints.push_back("flag '" + flag +
                                           "' is not understood; there are -m, -gpu and -d");
        }
    }
    const char* form = "[nn~ model method buffer]";
    const std::string model = reader.left() ? reader.text() : "void";
    if (model == "void") {
        form = "[nn~ void inlets outlets buffer]";
        if (reader.number())
            arguments.inlets =
                reader.whole(0, kMostChannels, 1, "a number of inlets of", arguments);
        if (reader.number())
            arguments.outlets =
                reader.whole(0, kMostChannels, 1, "a number of outlets of", arguments);
    } else {
        arguments.model = model;
        if (reader.left() && !reader.number())
            arguments.method = reader.text();
    }
    if (reader.number()) {
        arguments.buffer =
            reader.whole(0, kLargestBuffer, TIMBREL_BUFFER_DEFAULT, "a buffer of", arguments);
    }
    while (reader.left()) {
        arguments.complaints.push_back("argument '" + reader.text() + "' is not understood; " +
                                       form);
    }
    return arguments;
}

}  // namespace timbrel::pd
