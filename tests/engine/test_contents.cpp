// What libtorch would trip over inside an archive whose checksums are right.
#include <doctest/doctest.h>

#include <string>

#include "archive/pickle.h"

using timbrel::PickleError;
using timbrel::verify_pickle;
using namespace std::string_literals;

namespace {

const std::string kBegin = "\x80\x02";

std::string text(const std::string& characters) {
    const auto size = static_cast<char>(characters.size());
    return std::string{'X', size, 0, 0, 0} + characters;
}

std::string number(int32_t value) {
    std::string bytes = "J";
    for (int i = 0; i < 4; ++i)
        bytes += static_cast<char>(static_cast<uint32_t>(value) >> (8 * i));
    return bytes;
}

std::string tuple(const std::string& items) {
    return "(" + items + "t";
}

// A storage of `count` elements, of which storage_size() below has 40 bytes.
std::string storage(int count, const std::string& type = "FloatStorage",
                    const std::string& key = "0") {
    return tuple(text("storage") + "ctorch\n" + type + "\n" + text(key) + text("cpu") +
                 number(count)) +
           "Q";
}

std::string tensor(const std::string& stored, int offset, const std::string& sizes,
                   const std::string& strides) {
    return "ctorch._utils\n_rebuild_tensor_v2\n" +
           tuple(stored + number(offset) + tuple(sizes) + tuple(strides) + "\x89}") + "R";
}

// What is wrong with it; empty where nothing is.
std::string problem(const std::string& operations) {
    try {
        verify_pickle(kBegin + operations, [](const std::string& key) {
            return key == "0" ? std::optional<uint64_t>(40) : std::nullopt;
        });
    } catch (const PickleError& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("what torch writes is accepted") {
    const std::string two = number(2), five = number(5), one = number(1);
    CHECK(problem("N.") == "");
    CHECK(problem(tensor(storage(10), 0, two + five, five + one) + ".") == "");
    CHECK(problem(tensor(storage(10), 9, "", "") + ".") == "");
    CHECK(problem(tensor(storage(0), 0, number(0), one) + ".") == "");
    CHECK(problem(tensor(storage(1), 0, number(1 << 30), number(0)) + ".") == "");
    CHECK(problem(tensor(storage(5, "DoubleStorage"), 0, five, one) + ".") == "");
    // An object with a dictionary as its state, remembered and recalled.
    CHECK(problem("c__torch__\nNet\n)\x81}(" + text("a") + "K\x01" + text("b") + "]q" + "\0"s +
                  "(K\x01K\x02" + "eub.") == "");
    CHECK(problem("]q\0h\0\x86."s) == "");
}

TEST_CASE("a tensor lies within its storage") {
    const std::string beyond = "a tensor of it reaches beyond its storage";
    const std::string one = number(1), five = number(5);
    CHECK(problem(tensor(storage(10), 0, number(11), one) + ".") == beyond);
    CHECK(problem(tensor(storage(10), 10, "", "") + ".") == beyond);
    CHECK(problem(tensor(storage(10), -1, one, one) + ".") == beyond);
    CHECK(problem(tensor(storage(10), 0, number(-5), one) + ".") == beyond);
    CHECK(problem(tensor(storage(10), 9, five, number(-1)) + ".") == beyond);
    CHECK(problem(tensor(storage(10), 0, number(2) + five, number(6) + one) + ".") == beyond);
    CHECK(problem(tensor(storage(10), 0, number(1 << 30) + number(1 << 30), one + one) + ".") ==
          beyond);
    const std::string unknown = "a tensor of it is described in an unknown way";
    CHECK(problem(tensor(storage(10), 0, one + one, one) + ".") == unknown);
    CHECK(problem(tensor(storage(10), 0, text("1"), one) + ".") == beyond);
    CHECK(problem(tuple(storage(10)) + ".") == unknown);
}

TEST_CASE("a storage is as large as it says") {
    const std::string smaller = "storage 0 is smaller than it says";
    CHECK(problem(storage(10) + ".") == "");
    CHECK(problem(storage(11) + ".") == smaller);
    CHECK(problem(storage(-1) + ".") == smaller);
    CHECK(problem(storage(6, "DoubleStorage") + ".") == smaller);
    CHECK(problem(storage(1, "FloatStorage", "7") + ".") == "storage 7 is smaller than it says");
    CHECK(problem(storage(1, "TuringStorage") + ".") == "a storage of it is of an unknown type");
    CHECK(problem(")Q.") == "a storage of it is described in an unknown way");
}

TEST_CASE("an operation finds what it works on") {
    const std::string nothing = "an operation finds nothing to work on";
    for (const char* operations : {".", "a.", "NR.", "\x86.", "Q.", "(\x85.", "Nb.", "N(a."})
        CHECK_MESSAGE(problem(operations) == nothing, std::string(operations));
    for (const char* operations : {"NNa.", "](NNu.", "}NNNb.", "N)R.", "}N(Nu.", "NN\x81."})
        CHECK_MESSAGE(problem(operations) == "an operation does not fit what it works on",
                      std::string(operations));
    CHECK(problem("Nt.") == "a list in it has no beginning");
    CHECK(problem("h\0."s) == "it recalls what it has not remembered");
    CHECK(problem("Nr\xff\xff\xff\x7f.") == "it counts what it remembers in leaps");
    CHECK(problem("N0.") == "it holds an operation that no model needs");
    for (const char* operations : {"", "N", "X\xff\xff\xff\xff.", "K", "ctorch\nNet"})
        CHECK_MESSAGE(problem(operations) == "it ends within an operation", operations);
}

TEST_CASE("nothing contains itself or is nested without end") {
    CHECK(problem("]q\0h\0a."s) == "an object of it contains itself");
    CHECK(problem("]q\0]h\0aa."s) == "an object of it contains itself");
    std::string deep = "N";
    for (int i = 0; i < 100'000; ++i)
        deep += "\x85";
    CHECK(problem(deep + ".") == "its objects are nested too deeply");
    // Ten thousand times the same list is wide, not deep.
    std::string wide = "]q\0]("s;
    for (int i = 0; i < 10'000; ++i)
        wide += "h\0"s;
    CHECK(problem(wide + "e.") == "");
}
