// Result<T>: a value or an Error, with the names of std::expected (which g++ 12 does not have in C++20).
#pragma once

#include <cstdlib>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "fairlead/error.hpp"

namespace fairlead {

/// Owns one Error on the heap. A Result is as small as its value, and the code that passes an error on is a
/// pointer's move: with errors held in place, a third of an executable's text was their moves and
/// destructors.
class ErrorBox {
 public:
  explicit ErrorBox(Error&& error);
  ErrorBox(const ErrorBox& other);
  ErrorBox(ErrorBox&& other) noexcept : error_(std::exchange(other.error_, nullptr)) {}
  ErrorBox& operator=(ErrorBox other) noexcept {
    std::swap(error_, other.error_);
    return *this;
  }
  ~ErrorBox() {
    if (error_ != nullptr) destroy();
  }
  [[nodiscard]] Error& operator*() const { return *error_; }

 private:
  void destroy() noexcept;
  Error* error_;
};

/// Carries an Error into a Result of any type: `return Unexpected(error)`.
class [[nodiscard]] Unexpected {
 public:
  explicit Unexpected(Error error);
  Unexpected(Errc code, std::string what);
  Unexpected(Errc code, std::string what, std::string remedy);
  explicit Unexpected(ErrorBox&& box) : box_(std::move(box)) {}
  [[nodiscard]] Error&& take() && { return std::move(*box_); }
  [[nodiscard]] ErrorBox&& take_box() && { return std::move(box_); }

 private:
  ErrorBox box_;
};

/// A value of type T or the Error that prevented it. Access to the wrong alternative aborts:
/// that is a broken invariant, not an environment error.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Unexpected error)                                   // NOLINT(google-explicit-constructor)
      : state_(std::in_place_index<1>, std::move(error).take_box()) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  [[nodiscard]] T& value() & { return *require_value(); }
  [[nodiscard]] const T& value() const& { return *const_cast<Result*>(this)->require_value(); }
  /// By value: a reference into a temporary would dangle in `for (auto& x : *list())`.
  [[nodiscard]] T value() && { return std::move(*require_value()); }
  [[nodiscard]] T& operator*() & { return value(); }
  [[nodiscard]] const T& operator*() const& { return value(); }
  [[nodiscard]] T operator*() && { return std::move(*require_value()); }
  [[nodiscard]] T* operator->() { return require_value(); }
  [[nodiscard]] const T* operator->() const { return const_cast<Result*>(this)->require_value(); }

  [[nodiscard]] const Error& error() const& { return **const_cast<Result*>(this)->require_error(); }
  [[nodiscard]] Error&& error() && { return std::move(**require_error()); }
  /// The error as it is, for a Result of another type.
  [[nodiscard]] Unexpected propagate() && { return Unexpected(std::move(*require_error())); }

  template <class U>
  [[nodiscard]] T value_or(U&& fallback) && {
    return has_value() ? std::move(*this).value() : static_cast<T>(std::forward<U>(fallback));
  }
  /// Calls `next(value)`, which returns a Result, or passes the error on.
  template <class F>
  [[nodiscard]] auto and_then(F&& next) && -> std::invoke_result_t<F, T&&> {
    if (!has_value()) return std::move(*this).propagate();
    return std::forward<F>(next)(std::move(*this).value());
  }
  /// Calls `map(value)`, which returns a plain value, or passes the error on.
  template <class F>
  [[nodiscard]] auto transform(F&& map) && -> Result<std::invoke_result_t<F, T&&>> {
    if (!has_value()) return std::move(*this).propagate();
    return std::forward<F>(map)(std::move(*this).value());
  }

 private:
  T* require_value() {
    T* value = std::get_if<0>(&state_);
    if (value == nullptr) std::abort();
    return value;
  }
  ErrorBox* require_error() {
    ErrorBox* error = std::get_if<1>(&state_);
    if (error == nullptr) std::abort();
    return error;
  }
  std::variant<T, ErrorBox> state_;
};

/// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Unexpected error) : error_(std::move(error).take_box()) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  [[nodiscard]] const Error& error() const& { return **const_cast<Result*>(this)->require_error(); }
  [[nodiscard]] Error&& error() && { return std::move(**require_error()); }
  [[nodiscard]] Unexpected propagate() && { return Unexpected(std::move(*require_error())); }

 private:
  ErrorBox* require_error() {
    if (!error_) std::abort();
    return &*error_;
  }
  std::optional<ErrorBox> error_;
};

}  // namespace fairlead

#define FAIRLEAD_CONCAT_(a, b) a##b
#define FAIRLEAD_CONCAT(a, b) FAIRLEAD_CONCAT_(a, b)
#define FAIRLEAD_TRY_(tmp, declaration, expression) \
  auto tmp = (expression);                          \
  if (!tmp) return std::move(tmp).propagate();      \
  declaration = *std::move(tmp)
/// `FAIRLEAD_TRY(auto link, find(name));` declares `link` or returns the error from this function.
#define FAIRLEAD_TRY(declaration, expression) \
  FAIRLEAD_TRY_(FAIRLEAD_CONCAT(fairlead_result_, __COUNTER__), declaration, expression)
/// `FAIRLEAD_CHECK(write(file));` returns the error from this function, if there is one.
#define FAIRLEAD_CHECK(expression)                             \
  do {                                                         \
    if (auto fairlead_status = (expression); !fairlead_status) \
      return std::move(fairlead_status).propagate();           \
  } while (false)
