/* In the SDK a header of its own. */
#include "ext.h"
