#ifndef WINNOW_SUPPORT_VERSION_H
#define WINNOW_SUPPORT_VERSION_H

namespace winnow {
/// The compiler's version, such as "0.1.0"; also stored in every artefact.
const char *getVersionString();
} // namespace winnow

#endif // WINNOW_SUPPORT_VERSION_H
