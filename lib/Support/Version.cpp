#include "winnow/Support/Version.h"

const char *winnow::getVersionString() { return WINNOW_VERSION; }
