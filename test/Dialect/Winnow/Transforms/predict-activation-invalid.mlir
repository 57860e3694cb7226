// RUN: winnow-opt %s --split-input-file --verify-diagnostics --winnow-predict-activation

func.func @parts(%x: tensor<2x8xf32>) -> tensor<2x32xf32> attributes {winnow.entry} {
  %w1 = winnow.constant dense<1.0> : tensor<8x64xf32>
  %w2 = winnow.constant dense<1.0> : tensor<64x32xf32>
  // expected-error @+1 {{expected winnow.predictor to have down, up and bias}}
  %h = winnow.linear %x, %w1 {activation = #winnow<activation relu>, winnow.predictor = {
    down = dense<0.5> : tensor<8x2xf32>}} : (tensor<2x8xf32>, tensor<8x64xf32>) -> tensor<2x64xf32>
  %y = winnow.linear %h, %w2 : (tensor<2x64xf32>, tensor<64x32xf32>) -> tensor<2x32xf32>
  return %y : tensor<2x32xf32>
}

// -----

func.func @sizes(%x: tensor<2x8xf32>) -> tensor<2x32xf32> attributes {winnow.entry} {
  %w1 = winnow.constant dense<1.0> : tensor<8x64xf32>
  %w2 = winnow.constant dense<1.0> : tensor<64x32xf32>
  // expected-error @+1 {{expected winnow.predictor to fit a layer of 8 inputs and 64 units}}
  %h = winnow.linear %x, %w1 {activation = #winnow<activation relu>, winnow.predictor = {
    down = dense<0.5> : tensor<8x2xf32>, up = dense<0.25> : tensor<3x64xf32>, bias = dense<0.125> : tensor<64xf32>
    }} : (tensor<2x8xf32>, tensor<8x64xf32>) -> tensor<2x64xf32>
  %y = winnow.linear %h, %w2 : (tensor<2x64xf32>, tensor<64x32xf32>) -> tensor<2x32xf32>
  return %y : tensor<2x32xf32>
}
