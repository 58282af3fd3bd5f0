// Numbers of Max's interface as the headers say that this is compiled with, one a line.
#include <cstddef>
#include <sstream>
#include <string>

#include "ext.h"
#include "ext_buffer.h"
#include "ext_dictobj.h"
#include "ext_obex.h"
#include "jpatcher_api.h"
#include "z_dsp.h"

std::string LAYOUT();

std::string LAYOUT() {
    std::ostringstream lines;
#define LINE(number) lines << #number " " << static_cast<long>(number) << "\n"
    LINE(sizeof(t_object));
    LINE(offsetof(t_object, o_magic));
    LINE(sizeof(t_symbol));
    LINE(offsetof(t_symbol, s_name));
    LINE(sizeof(t_atom));
    LINE(offsetof(t_atom, a_type));
    LINE(offsetof(t_atom, a_w));
    LINE(sizeof(t_atom_long));
    LINE(sizeof(t_atom_float));
    LINE(sizeof(t_max_err));
    LINE(sizeof(t_fourcc));
    LINE(sizeof(t_pxobject));
    LINE(offsetof(t_pxobject, z_misc));
    LINE(sizeof(t_perfroutine64));
    LINE(A_NOTHING);
    LINE(A_LONG);
    LINE(A_FLOAT);
    LINE(A_SYM);
    LINE(A_OBJ);
    LINE(A_GIMME);
    LINE(A_CANT);
    LINE(A_DEFER);
    LINE(Z_MC_INLETS);
    LINE(MAX_ERR_NONE);
    LINE(MAX_ERR_GENERIC);
    LINE(MAX_PATH_CHARS);
    LINE(MAX_FILENAME_CHARS);
    LINE(PATH_STYLE_NATIVE);
    LINE(PATH_TYPE_ABSOLUTE);
    LINE(PATH_TYPE_BOOT);
    return lines.str();
}
