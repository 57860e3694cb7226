#include "winnow/Link/CNames.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace llvm;

/// Words that cannot name a parameter or a struct field in C11 or C++20, and
/// macros and types that the header's own text relies on.
static const char *const reservedWords[] = {
    "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor",
    "bool", "break", "case", "catch", "char", "char16_t", "char32_t", "char8_t",
    "class", "co_await", "co_return", "co_yield", "compl", "concept", "const",
    "const_cast", "consteval", "constexpr", "constinit", "continue", "decltype",
    "default", "delete", "do", "double", "dynamic_cast", "else", "enum",
    "explicit", "export", "extern", "false", "float", "for", "friend", "goto",
    "if", "inline", "int", "long", "mutable", "namespace", "new", "noexcept",
    "not", "not_eq", "nullptr", "operator", "or", "or_eq", "private",
    "protected", "public", "register", "reinterpret_cast", "requires",
    "restrict", "return", "short", "signed", "sizeof", "static",
    "static_assert", "static_cast", "struct", "switch", "template", "this",
    "thread_local", "throw", "true", "try", "typedef", "typeid", "typename",
    "typeof", "union", "unsigned", "using", "virtual", "void", "volatile",
    "wchar_t", "while", "xor", "xor_eq",
    // Macros of common systems and of headers that programs include.
    "errno", "linux", "unix", "i386", "stdin", "stdout", "stderr", "assert",
    "NULL", "EOF", "I", "complex", "near", "far", "min", "max",
    // What the header uses.
    "context", "dims", "int8_t", "int16_t", "int32_t", "int64_t", "uint8_t",
    "uint16_t", "uint32_t", "uint64_t", "size_t"};

static bool isReserved(StringRef name) {
  static const StringSet<> words = [] {
    StringSet<> set;
    for (const char *word : reservedWords)
      set.insert(word);
    return set;
  }();
  return words.contains(name) || name.starts_with_insensitive("winnow_");
}

std::string winnow::makeIdentifier(StringRef name, StringRef fallback) {
  // C compilers tell at least 63 characters apart.
  constexpr size_t maxLength = 56;
  std::string result;
  for (char c : name) {
    if (isAlnum(c))
      result += c;
    else if (!result.empty() && result.back() != '_')
      result += '_';
  }
  result.resize(std::min(result.size(), maxLength));
  while (!result.empty() && result.back() == '_')
    result.pop_back();
  if (result.empty())
    return fallback.str();
  if (isDigit(result.front()) || isReserved(result))
    return (fallback + "_" + result).str();
  return result;
}

/// Numbers that already end a name are kept: `x`, `x_2` (the second `x`).
static std::string makeUnique(std::string name, StringSet<> &taken) {
  std::string candidate = name;
  for (unsigned n = 2; !taken.insert(candidate).second; ++n)
    candidate = name + "_" + std::to_string(n);
  return candidate;
}

winnow::CNames winnow::makeCNames(const ModelInterface &model) {
  CNames names;
  StringSet<> parameters, fields;
  for (const auto &input : model.inputs)
    names.inputs.push_back(
        makeUnique(makeIdentifier(input.name, "input"), parameters));
  for (const auto &output : model.outputs)
    names.outputs.push_back(
        makeUnique(makeIdentifier(output.name, "output"), parameters));
  for (const auto &symbol : model.symbols)
    names.symbols.push_back(
        makeUnique(makeIdentifier(symbol.name, "dim"), fields));
  return names;
}

std::string winnow::escapeForComment(StringRef name) {
  std::string result;
  for (char c : name) {
    char before = result.empty() ? 0 : result.back();
    if (c == '\\' || (c == '/' && before == '*') ||
        (c == '*' && before == '/') || (c == '?' && before == '?'))
      result += '\\';
    if (isPrint(c)) {
      result += c;
    } else {
      result += "\\x";
      result += hexdigit(static_cast<uint8_t>(c) >> 4, /*LowerCase=*/true);
      result += hexdigit(c & 15, /*LowerCase=*/true);
    }
  }
  return result;
}
