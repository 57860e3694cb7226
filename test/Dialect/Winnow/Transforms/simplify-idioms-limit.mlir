// RUN: winnow-opt %s --winnow-simplify-idioms=max-rewrites=2 --verify-diagnostics

// Patterns that go on for too long are named.

// expected-error @+1 {{simplify-idioms did not end after 2 rewrites of 6 operations; it went on with 'TransposeToReshape'}}
module {
  func.func @f(%x: tensor<1x4xf32>) -> tensor<1x4x1xf32> {
    %0 = winnow.transpose %x [1, 0] : (tensor<1x4xf32>) -> tensor<4x1xf32>
    %1 = winnow.reshape %0 : (tensor<4x1xf32>) -> tensor<4x1x1xf32>
    %2 = winnow.transpose %1 [2, 0, 1] : (tensor<4x1x1xf32>) -> tensor<1x4x1xf32>
    return %2 : tensor<1x4x1xf32>
  }
}
