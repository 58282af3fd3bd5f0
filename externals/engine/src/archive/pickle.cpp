#include "pickle.h"

#include <algorithm>
#include <array>
#include <deque>
#include <vector>

namespace timbrel {
namespace {

constexpr size_t kDeepest = 500;        // a module within a module within ...
constexpr size_t kMostDimensions = 64;  // of a tensor, as in torch
constexpr uint64_t kMostElements = 1ULL << 48;

struct Value {
    enum Kind { constant, object, number, text, tuple, list, dict, global, storage };
    Kind kind = constant;
    int64_t integer = 0;     // a number; the elements of a storage
    std::string_view chars;  // a text; the class of a global
    std::vector<Value*> items;
    enum { unseen, open, done } state = unseen;
    size_t depth = 0;
};

// Bytes per element of the storages that torch writes; 0 for one that is not known.
int64_t element_size(std::string_view type) {
    struct Type {
        std::string_view name;
        int64_t size;
    };
    constexpr std::array<Type, 20> types{{
        {"FloatStorage", 4},       {"DoubleStorage", 8},        {"HalfStorage", 2},
        {"BFloat16Storage", 2},    {"LongStorage", 8},          {"IntStorage", 4},
        {"ShortStorage", 2},       {"CharStorage", 1},          {"ByteStorage", 1},
        {"BoolStorage", 1},        {"ComplexFloatStorage", 8},  {"ComplexDoubleStorage", 16},
        {"ComplexHalfStorage", 4}, {"QInt8Storage", 1},         {"QUInt8Storage", 1},
        {"QInt32Storage", 4},      {"QUInt4x2Storage", 1},      {"QUInt2x4Storage", 1},
        {"UntypedStorage", 1},     {"Float8_e4m3fnStorage", 1},
    }};
    for (const Type& known : types) {
        if (known.name == type)
            return known.size;
    }
    return 0;
}

class Machine {
  public:
    Machine(std::string_view pickle, const StorageSize& storage_size)
        : pickle_(pickle), storage_size_(storage_size) {}

    void run() {
        while (step()) {
        }
        check_nesting(pop());
    }

  private:
    [[noreturn]] static void fail(const std::string& reason) { throw PickleError(reason); }

    // ---- reading ----

    std::string_view take(uint64_t count) {
        if (count > pickle_.size() - at_)
            fail("it ends within an operation");
        const std::string_view taken = pickle_.substr(at_, count);
        at_ += count;
        return taken;
    }

    uint64_t take_number(size_t bytes) {
        uint64_t number = 0;
        const std::string_view taken = take(bytes);
        for (size_t i = 0; i < bytes; ++i)
            number |= static_cast<uint64_t>(static_cast<unsigned char>(taken[i])) << (8 * i);
        return number;
    }

    std::string_view take_line() {
        const size_t end = pickle_.find('\n', at_);
        if (end == std::string_view::npos)
            fail("it ends within an operation");
        const std::string_view line = pickle_.substr(at_, end - at_);
        at_ = end + 1;
        return line;
    }

    // ---- the stack ----

    Value* make(Value value) {
        values_.push_back(std::move(value));
        return &values_.back();
    }

    void push(Value value) { stack_.push_back(make(std::move(value))); }
    void push_number(int64_t number) { push({.kind = Value::number, .integer = number}); }

    Value& top() {
        if (stack_.size() <= (marks_.empty() ? 0 : marks_.back()))
            fail("an operation finds nothing to work on");
        return *stack_.back();
    }

    Value* pop() {
        Value* value = &top();
        stack_.pop_back();
        return value;
    }

    std::vector<Value*> pop_marked() {
        if (marks_.empty())
            fail("a list in it has no beginning");
        const auto begin = stack_.begin() + static_cast<ptrdiff_t>(marks_.back());
        std::vector<Value*> items(begin, stack_.end());
        stack_.erase(begin, stack_.end());
        marks_.pop_back();
        return items;
    }

    std::vector<Value*> pop_several(size_t count) {
        std::vector<Value*> items(count);
        for (size_t i = count; i-- > 0;)
            items[i] = pop();
        return items;
    }

    void push_tuple(std::vector<Value*> items) {
        // All that torch makes tensors from begins with a storage.
        if (!items.empty() && items[0]->kind == Value::storage)
            check_tensor(items);
        push({.kind = Value::tuple, .items = std::move(items)});
    }

    void extend(Value::Kind kind, const std::vector<Value*>& items) {
        Value& container = top();
        if (container.kind != kind || (kind == Value::dict && items.size() % 2 != 0))
            fail("an operation does not fit what it works on");
        container.items.insert(container.items.end(), items.begin(), items.end());
    }

    void push_dict(const std::vector<Value*>& items) {
        push({.kind = Value::dict});
        extend(Value::dict, items);
    }

    void remember(uint64_t index) {
        if (index > memory_.size())
            fail("it counts what it remembers in leaps");
        Value* value = &top();
        if (index == memory_.size())
            memory_.push_back(value);
        else
            memory_[index] = value;
    }

    void recall(uint64_t index) {
        if (index >= memory_.size())
            fail("it recalls what it has not remembered");
        stack_.push_back(memory_[index]);
    }

    // ---- one operation; false for the last. Numbers from Python's pickletools. ----

    bool step() {
        switch (static_cast<unsigned char>(take(1)[0])) {
            case 0x80:  // PROTO
                take(1);
                return true;
            case '.':  // STOP
                return false;
            case '(':  // MARK
                marks_.push_back(stack_.size());
                return true;
            case 'N':   // NONE
            case 0x88:  // NEWTRUE
            case 0x89:  // NEWFALSE
                push({});
                return true;
            case 'K':  // BININT1
                push_number(static_cast<int64_t>(take_number(1)));
                return true;
            case 'M':  // BININT2
                push_number(static_cast<int64_t>(take_number(2)));
                return true;
            case 'J':  // BININT
                push_number(static_cast<int32_t>(take_number(4)));
                return true;
            case 0x8a:  // LONG1, of which torch reads those of eight bytes
                if (take_number(1) != 8)
                    fail("a number in it has another length than eight bytes");
                push_number(static_cast<int64_t>(take_number(8)));
                return true;
            case 'G':  // BINFLOAT
                take(8);
                push({});
                return true;
            case 'X':  // BINUNICODE
                push({.kind = Value::text, .chars = take(take_number(4))});
                return true;
            case 0x8d:  // BINUNICODE8
                push({.kind = Value::text, .chars = take(take_number(8))});
                return true;
            case ')':  // EMPTY_TUPLE
                push_tuple({});
                return true;
            case 0x85:  // TUPLE1
            case 0x86:  // TUPLE2
            case 0x87:  // TUPLE3
                push_tuple(pop_several(static_cast<unsigned char>(pickle_[at_ - 1]) - 0x84U));
                return true;
            case 't':  // TUPLE
                push_tuple(pop_marked());
                return true;
            case ']':  // EMPTY_LIST
                push({.kind = Value::list});
                return true;
            case 'l':  // LIST
                push({.kind = Value::list, .items = pop_marked()});
                return true;
            case 'a':  // APPEND
                extend(Value::list, pop_several(1));
                return true;
            case 'e':  // APPENDS
                extend(Value::list, pop_marked());
                return true;
            case '}':  // EMPTY_DICT
                push({.kind = Value::dict});
                return true;
            case 'd':  // DICT
                push_dict(pop_marked());
                return true;
            case 's':  // SETITEM
                extend(Value::dict, pop_several(2));
                return true;
            case 'u':  // SETITEMS
                extend(Value::dict, pop_marked());
                return true;
            case 'q':  // BINPUT
                remember(take_number(1));
                return true;
            case 'r':  // LONG_BINPUT
                remember(take_number(4));
                return true;
            case 'h':  // BINGET
                recall(take_number(1));
                return true;
            case 'j':  // LONG_BINGET
                recall(take_number(4));
                return true;
            case 'c':  // GLOBAL
                take_line();
                push({.kind = Value::global, .chars = take_line()});
                return true;
            case 'Q':  // BINPERSID
                load_storage(*pop());
                return true;
            case 'R':   // REDUCE
            case 0x81:  // NEWOBJ
                reduce();
                return true;
            case 'b':  // BUILD
                build();
                return true;
            default:
                fail("it holds an operation that no model needs");
        }
    }

    void reduce() {
        Value* arguments = pop();
        const Value* function = pop();
        if (arguments->kind != Value::tuple || function->kind != Value::global)
            fail("an operation does not fit what it works on");
        if (function->chars == "_rebuild_sparse_tensor")
            fail("it holds a sparse tensor, which is not read here");
        push({.kind = function->chars == "OrderedDict" ? Value::dict : Value::object,
              .items = {arguments}});
    }

    void build() {
        Value* state = pop();
        Value& object = top();
        if (object.kind != Value::object)
            fail("an operation does not fit what it works on");
        object.items.push_back(state);
    }

    // ("storage", type, key, device, number of elements)
    void load_storage(const Value& id) {
        const auto& items = id.items;
        const bool fits = id.kind == Value::tuple && items.size() >= 5 &&
                          items[1]->kind == Value::global && items[2]->kind == Value::text &&
                          items[4]->kind == Value::number;
        if (!fits)
            fail("a storage of it is described in an unknown way");
        const int64_t count = items[4]->integer;
        const int64_t size = element_size(items[1]->chars);
        if (size == 0)
            fail("a storage of it is of an unknown type");
        const std::string key(items[2]->chars);
        const uint64_t there_is = storage_size_(key).value_or(0);
        if (count < 0 || static_cast<uint64_t>(count) > there_is / static_cast<uint64_t>(size))
            fail("storage " + key + " is smaller than it says");
        push({.kind = Value::storage, .integer = count});
    }

    // (storage, offset, sizes, strides, ...)
    static void check_tensor(const std::vector<Value*>& items) {
        const bool fits = items.size() >= 4 && items[1]->kind == Value::number &&
                          items[2]->kind == Value::tuple && items[3]->kind == Value::tuple &&
                          items[2]->items.size() == items[3]->items.size() &&
                          items[2]->items.size() <= kMostDimensions;
        if (!fits)
            fail("a tensor of it is described in an unknown way");
        const auto outside = [] { fail("a tensor of it reaches beyond its storage"); };
        uint64_t last = 0, count = 1;
        bool empty = false;
        const auto natural = [&](const Value& value) {
            if (value.kind != Value::number || value.integer < 0 ||
                static_cast<uint64_t>(value.integer) > kMostElements)
                outside();
            return static_cast<uint64_t>(value.integer);
        };
        for (size_t i = 0; i < items[2]->items.size(); ++i) {
            const uint64_t size = natural(*items[2]->items[i]);
            const uint64_t stride = natural(*items[3]->items[i]);
            if (size == 0) {
                empty = true;
                continue;
            }
            if (count > kMostElements / size)
                outside();
            count *= size;
            if (stride > 0 && size - 1 > kMostElements / stride)
                outside();
            last += (size - 1) * stride;
        }
        const uint64_t offset = natural(*items[1]);
        const auto stored = static_cast<uint64_t>(items[0]->integer);
        if (empty ? offset > stored : offset + last >= stored)
            outside();
    }

    // torch follows what is nested by calling itself.
    static void check_nesting(Value* root) {
        std::vector<Value*> path{root};
        std::vector<size_t> next{0};
        root->state = Value::open;
        while (!path.empty()) {
            Value& value = *path.back();
            if (next.back() == value.items.size()) {
                value.state = Value::done;
                const size_t depth = value.depth + 1;
                path.pop_back();
                next.pop_back();
                if (!path.empty())
                    path.back()->depth = std::max(path.back()->depth, depth);
                continue;
            }
            Value& item = *value.items[next.back()++];
            if (item.state == Value::open)
                fail("an object of it contains itself");
            if (item.state == Value::done) {
                value.depth = std::max(value.depth, item.depth + 1);
            } else {
                item.state = Value::open;
                path.push_back(&item);
                next.push_back(0);
            }
            if (path.size() > kDeepest || value.depth > kDeepest)
                fail("its objects are nested too deeply");
        }
    }

    const std::string_view pickle_;
    const StorageSize& storage_size_;
    size_t at_ = 0;
    std::deque<Value> values_;
    std::vector<Value*> stack_;
    std::vector<size_t> marks_;
    std::vector<Value*> memory_;
};

}  // namespace

void verify_pickle(std::string_view pickle, const StorageSize& storage_size) {
    Machine(pickle, storage_size).run();
}

}  // namespace timbrel
