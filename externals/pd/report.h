// A message out of the report outlet: `selector values…`.
#pragma once

#include <m_pd.h>

#include <string>
#include <vector>

namespace timbrel::pd {

class Report {
  public:
    explicit Report(const char* selector) : selector_(gensym(selector)) {}

    Report& add(double value) {
        t_atom atom;
        SETFLOAT(&atom, static_cast<t_float>(value));
        atoms_.push_back(atom);
        return *this;
    }
    Report& add(const std::string& value) {
        t_atom atom;
        SETSYMBOL(&atom, gensym(value.c_str()));
        atoms_.push_back(atom);
        return *this;
    }

    void send(t_outlet* outlet) {
        outlet_anything(outlet, selector_, static_cast<int>(atoms_.size()), atoms_.data());
    }

  private:
    t_symbol* selector_;
    std::vector<t_atom> atoms_;
};

}  // namespace timbrel::pd
