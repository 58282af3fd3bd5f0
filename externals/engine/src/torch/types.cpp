#include "types.h"

#include <stdexcept>
#include <unordered_set>

namespace timbrel {
namespace {

using c10::IValue;
using c10::TypeKind;
using c10::TypePtr;

class Checker {
  public:
    void check_object(const c10::ivalue::Object& object) {
        if (!seen_.insert(&object).second)
            return;
        const auto type = object.type();
        if (object.slots().size() != type->numAttributes())
            fail(*type, "the number of its attributes");
        for (size_t slot = 0; slot < object.slots().size(); ++slot) {
            if (!fits(object.getSlot(slot), type->getAttribute(slot)))
                fail(*type, "its attribute " + type->getAttributeName(slot));
        }
    }

  private:
    [[noreturn]] static void fail(const c10::ClassType& type, const std::string& what) {
        const std::string name = type.name() ? type.name()->name() : "an object";
        throw std::runtime_error(what + " does not fit the code of " + name);
    }

    bool fits(const IValue& value, const TypePtr& type) {
        switch (type->kind()) {
            case TypeKind::TensorType:
                return value.isTensor();
            case TypeKind::IntType:
                return value.isInt();
            case TypeKind::FloatType:
                return value.isDouble();
            case TypeKind::BoolType:
                return value.isBool();
            case TypeKind::StringType:
                return value.isString();
            case TypeKind::NoneType:
                return value.isNone();
            case TypeKind::OptionalType:
                return value.isNone() ||
                       fits(value, type->expectRef<c10::OptionalType>().getElementType());
            case TypeKind::ListType:
                return value.isList() && all_fit(value.toListRef(),
                                                 type->expectRef<c10::ListType>().getElementType());
            case TypeKind::TupleType: {
                const auto elements = type->expectRef<c10::TupleType>().elements();
                if (!value.isTuple() || value.toTupleRef().size() != elements.size())
                    return false;
                for (size_t i = 0; i < elements.size(); ++i) {
                    if (!fits(value.toTupleRef().elements()[i], elements[i]))
                        return false;
                }
                return true;
            }
            case TypeKind::DictType: {
                if (!value.isGenericDict())
                    return false;
                const auto& dict = type->expectRef<c10::DictType>();
                for (const auto& item : value.toGenericDict()) {
                    if (!fits(item.key(), dict.getKeyType()) ||
                        !fits(item.value(), dict.getValueType()))
                        return false;
                }
                return true;
            }
            default:
                // Classes, interfaces and what is rare.
                if (value.isObject())
                    check_object(value.toObjectRef());
                return value.type()->isSubtypeOf(*type);
        }
    }

    template <typename List>
    bool all_fit(const List& values, const TypePtr& type) {
        for (const IValue& value : values) {
            if (!fits(value, type))
                return false;
        }
        return true;
    }

    std::unordered_set<const c10::ivalue::Object*> seen_;
};

}  // namespace

void check_types(const torch::jit::Module& module) {
    Checker().check_object(*module._ivalue());
}

}  // namespace timbrel
