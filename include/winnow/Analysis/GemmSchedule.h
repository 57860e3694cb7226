#ifndef WINNOW_ANALYSIS_GEMMSCHEDULE_H
#define WINNOW_ANALYSIS_GEMMSCHEDULE_H

#include "winnow/Codegen/CPU/Kernels/Schedule.h"

#endif
