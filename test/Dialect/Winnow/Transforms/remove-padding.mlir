// RUN: winnow-opt %s --split-input-file --winnow-remove-padding --winnow-verify-model-contract --canonicalize --cse | FileCheck %s

// Token-wise ops run on packed tokens, attention by sequences, and the output is
// zero at padded positions.

// CHECK: code = "remove-padding.packed"{{.*}}sentence = "runs 1 attention and 4 other ops on the valid tokens of 'valid'; 'y' is 0 at padded positions"
// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[X:[^:]*]]: tensor<?x?x8xf32, #{{.*}}>, %[[M:[^:]*]]: tensor<?x?xi1, #{{.*}}> {winnow.name = "valid"})
// CHECK-SAME: {bound = #{{.*}}, data, max = {{.*}}, min = 0 : i64, name = "valid.tokens"}
// CHECK: %[[COUNT:.*]] = winnow.cast %[[M]]
// CHECK: %[[LENGTHS:.*]] = winnow.reduce sum %[[COUNT]] [1]
// CHECK: winnow.bind_size %{{.*}} to
// CHECK: %[[OFFSETS:.*]] = winnow.concat
// CHECK: %[[ROWS:.*]] = winnow.slice
// CHECK: %[[FLAT:.*]] = winnow.reshape %[[X]]
// CHECK: %[[PACKED:.*]] = winnow.gather %[[FLAT]], %[[ROWS]] {axis = 0 : i64, in_bounds}
// CHECK: %[[Q:.*]] = winnow.linear %[[PACKED]], %{{.*}} -> tensor<?x8xf32, #[[T:.*]]>
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} query_offsets(%[[OFFSETS]]) key_offsets(%[[OFFSETS]]) key_lengths(%[[LENGTHS]]) {nan_to_zero, scale = 5.000000e-01 : f32}
// CHECK: %[[Y:.*]] = winnow.linear %{{.*}}, %{{.*}} residual(%[[Q]])
// CHECK: %[[BACK:.*]] = winnow.gather %[[Y]], %{{.*}} {axis = 0 : i64, in_bounds}
// CHECK: winnow.select %{{.*}}, %[[BACK]], %{{.*}}
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
func.func @main(%x: tensor<?x?x8xf32, #row>, %m: tensor<?x?xi1, #b_s> {winnow.name = "valid"}) -> (tensor<?x?x8xf32, #row> {winnow.name = "y"})
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x8xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %m4 = winnow.reshape %m : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %mask = winnow.select %m4, %zero, %low : (tensor<?x1x1x?xi1, #mask>, tensor<f32>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %q = winnow.linear %x, %w : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>) -> tensor<?x?x8xf32, #row>
  %qh = winnow.reshape %q : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %a = winnow.attention %qh, %qh, %qh mask(%mask) {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x?x2x4xf32, #heads>
  %r = winnow.reshape %a : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x8xf32, #row>
  %y = winnow.linear %r, %w residual(%q) : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>, tensor<?x?x8xf32, #row>) -> tensor<?x?x8xf32, #row>
  return %y : tensor<?x?x8xf32, #row>
}

// -----

// A mask of integers as a factor is checked to hold zeros and ones.

// CHECK-LABEL: func.func @main
// CHECK: winnow.bind_size %{{.*}} to #{{.*}} {message = "expected a mask of zeros and ones
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} query_offsets
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
func.func @main(%x: tensor<?x?x8xf32, #row>, %m: tensor<?x?xi64, #b_s>) -> tensor<?x?x8xf32, #row>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x8xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %one = winnow.constant dense<1.0> : tensor<f32>
  %m4 = winnow.reshape %m : (tensor<?x?xi64, #b_s>) -> tensor<?x1x1x?xi64, #mask>
  %f = winnow.cast %m4 : (tensor<?x1x1x?xi64, #mask>) -> tensor<?x1x1x?xf32, #mask>
  %n = winnow.sub %one, %f : (tensor<f32>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x1x1x?xf32, #mask>
  %mask = winnow.mul %n, %low : (tensor<?x1x1x?xf32, #mask>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %q = winnow.linear %x, %w : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>) -> tensor<?x?x8xf32, #row>
  %qh = winnow.reshape %q : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %a = winnow.attention %qh, %qh, %qh mask(%mask) {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x?x2x4xf32, #heads>
  %r = winnow.reshape %a : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x8xf32, #row>
  %y = winnow.linear %r, %w residual(%q) : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>, tensor<?x?x8xf32, #row>) -> tensor<?x?x8xf32, #row>
  return %y : tensor<?x?x8xf32, #row>
}

// -----

// A pooler takes the first token, which is kept where it is padding.

// CHECK: what attends to a sequence without valid tokens gets 0
// CHECK-LABEL: func.func @main
// CHECK: %[[FIRST:.*]] = winnow.gather %{{.*}}, %{{.*}} {axis = 1 : i64}
// CHECK: %[[Y:.*]] = winnow.linear %{{.*}} residual
// CHECK: %[[POOLED:.*]] = winnow.gather %[[Y]], %[[FIRST]] {axis = 0 : i64, in_bounds}
// CHECK: return %[[POOLED]]
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
#v = affine_map<()[s0, s1] -> (s0, 8)>
func.func @main(%x: tensor<?x?x8xf32, #row>, %m: tensor<?x?xi1, #b_s> {winnow.name = "valid"}) -> tensor<?x8xf32, #v>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x8xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %m4 = winnow.reshape %m : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %mask = winnow.select %m4, %zero, %low : (tensor<?x1x1x?xi1, #mask>, tensor<f32>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %q = winnow.linear %x, %w : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>) -> tensor<?x?x8xf32, #row>
  %qh = winnow.reshape %q : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %a = winnow.attention %qh, %qh, %qh mask(%mask) {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x?x2x4xf32, #heads>
  %r = winnow.reshape %a : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x8xf32, #row>
  %y = winnow.linear %r, %w residual(%q) : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>, tensor<?x?x8xf32, #row>) -> tensor<?x?x8xf32, #row>
  %i = winnow.constant dense<0> : tensor<i64>
  %p = winnow.gather %y, %i {axis = 1 : i64} : (tensor<?x?x8xf32, #row>, tensor<i64>) -> tensor<?x8xf32, #v>
  return %p : tensor<?x8xf32, #v>
}

// -----

// A sum over the sequence of what the mask has multiplied sees no padding.

// CHECK: applied = true
// CHECK-LABEL: func.func @main
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} query_offsets
// CHECK: %[[BACK:.*]] = winnow.select {{.*}} -> tensor<?x?x8xf32
// CHECK: %[[MASKED:.*]] = winnow.mul %[[BACK]], %{{.*}}
// CHECK: winnow.reduce sum %[[MASKED]] [1]
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
#v = affine_map<()[s0, s1] -> (s0, 8)>
#one = affine_map<()[s0, s1] -> (s0, s1, 1)>
func.func @main(%x: tensor<?x?x8xf32, #row>, %m: tensor<?x?xi1, #b_s> {winnow.name = "valid"}) -> tensor<?x8xf32, #v>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x8xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %m4 = winnow.reshape %m : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %mask = winnow.select %m4, %zero, %low : (tensor<?x1x1x?xi1, #mask>, tensor<f32>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %q = winnow.linear %x, %w : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>) -> tensor<?x?x8xf32, #row>
  %qh = winnow.reshape %q : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %a = winnow.attention %qh, %qh, %qh mask(%mask) {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x?x2x4xf32, #heads>
  %r = winnow.reshape %a : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x8xf32, #row>
  %y = winnow.linear %r, %w residual(%q) : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>, tensor<?x?x8xf32, #row>) -> tensor<?x?x8xf32, #row>
  %mr = winnow.reshape %m : (tensor<?x?xi1, #b_s>) -> tensor<?x?x1xi1, #one>
  %mf = winnow.cast %mr : (tensor<?x?x1xi1, #one>) -> tensor<?x?x1xf32, #one>
  %h = winnow.mul %y, %mf : (tensor<?x?x8xf32, #row>, tensor<?x?x1xf32, #one>) -> tensor<?x?x8xf32, #row>
  %p = winnow.reduce sum %h [1] : (tensor<?x?x8xf32, #row>) -> tensor<?x8xf32, #v>
  return %p : tensor<?x8xf32, #v>
}

// -----

// Of a mask that holds zeros and ones a comparison with one is the mask.

// CHECK: applied = true
// CHECK-LABEL: func.func @main
// CHECK: winnow.bind_size %{{.*}} to #{{.*}} {message = "expected a mask of zeros and ones
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} query_offsets
// CHECK: %[[BACK:.*]] = winnow.select {{.*}} -> tensor<?x?x8xf32
// CHECK: %[[MASKED:.*]] = winnow.mul %[[BACK]], %{{.*}}
// CHECK: winnow.reduce sum %[[MASKED]] [1]
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
#v = affine_map<()[s0, s1] -> (s0, 8)>
#one = affine_map<()[s0, s1] -> (s0, s1, 1)>
func.func @main(%x: tensor<?x?x8xf32, #row>, %mi: tensor<?x?xi64, #b_s> {winnow.name = "valid"}) -> tensor<?x8xf32, #v>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x8xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %none = winnow.constant dense<0> : tensor<i64>
  %single = winnow.constant dense<1> : tensor<i64>
  %m = winnow.compare ne %mi, %none : (tensor<?x?xi64, #b_s>, tensor<i64>) -> tensor<?x?xi1, #b_s>
  %m4 = winnow.reshape %m : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %mask = winnow.select %m4, %zero, %low : (tensor<?x1x1x?xi1, #mask>, tensor<f32>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %q = winnow.linear %x, %w : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>) -> tensor<?x?x8xf32, #row>
  %qh = winnow.reshape %q : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %a = winnow.attention %qh, %qh, %qh mask(%mask) {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x?x2x4xf32, #heads>
  %r = winnow.reshape %a : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x8xf32, #row>
  %y = winnow.linear %r, %w residual(%q) : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>, tensor<?x?x8xf32, #row>) -> tensor<?x?x8xf32, #row>
  %m1 = winnow.compare eq %mi, %single : (tensor<?x?xi64, #b_s>, tensor<i64>) -> tensor<?x?xi1, #b_s>
  %mr = winnow.reshape %m1 : (tensor<?x?xi1, #b_s>) -> tensor<?x?x1xi1, #one>
  %mf = winnow.cast %mr : (tensor<?x?x1xi1, #one>) -> tensor<?x?x1xf32, #one>
  %h = winnow.mul %y, %mf : (tensor<?x?x8xf32, #row>, tensor<?x?x1xf32, #one>) -> tensor<?x?x8xf32, #row>
  %p = winnow.reduce sum %h [1] : (tensor<?x?x8xf32, #row>) -> tensor<?x8xf32, #v>
  return %p : tensor<?x8xf32, #v>
}

// -----

// A mean over the sequence sees what stands at padded positions.

// CHECK: applied = false, code = "remove-padding.mixes-tokens"{{.*}}sentence = "padding of 'valid' stays: 'reduce' combines tokens, and would see what stands at padded ones"
// CHECK-LABEL: func.func @main
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} mask
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
#v = affine_map<()[s0, s1] -> (s0, 8)>
func.func @main(%x: tensor<?x?x8xf32, #row>, %m: tensor<?x?xi1, #b_s> {winnow.name = "valid"}) -> tensor<?x8xf32, #v>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x8xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %m4 = winnow.reshape %m : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %mask = winnow.select %m4, %zero, %low : (tensor<?x1x1x?xi1, #mask>, tensor<f32>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %q = winnow.linear %x, %w : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>) -> tensor<?x?x8xf32, #row>
  %qh = winnow.reshape %q : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %a = winnow.attention %qh, %qh, %qh mask(%mask) {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x?x2x4xf32, #heads>
  %r = winnow.reshape %a : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x8xf32, #row>
  %y = winnow.linear %r, %w residual(%q) : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>, tensor<?x?x8xf32, #row>) -> tensor<?x?x8xf32, #row>
  %p = winnow.reduce mean %y [1] : (tensor<?x?x8xf32, #row>) -> tensor<?x8xf32, #v>
  return %p : tensor<?x8xf32, #v>
}

// -----

// What else the mask says stays, by the positions of tokens.

// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[BIAS:[^:]*]]: tensor<1x2x?x?xf32, #{{.*}}>)
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} mask(%[[BIAS]]) query_positions(%[[AT:.*]]) key_positions(%[[AT]]) query_offsets
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
#bias = affine_map<()[s0, s1] -> (1, 2, s1, s1)>
#full = affine_map<()[s0, s1] -> (s0, 2, s1, s1)>
func.func @main(%x: tensor<?x?x8xf32, #row>, %m: tensor<?x?xi1, #b_s> {winnow.name = "valid"}, %bias: tensor<1x2x?x?xf32, #bias>) -> tensor<?x?x8xf32, #row>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x8xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %m4 = winnow.reshape %m : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %mask = winnow.select %m4, %zero, %low : (tensor<?x1x1x?xi1, #mask>, tensor<f32>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %both = winnow.add %bias, %mask : (tensor<1x2x?x?xf32, #bias>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x2x?x?xf32, #full>
  %q = winnow.linear %x, %w : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>) -> tensor<?x?x8xf32, #row>
  %qh = winnow.reshape %q : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %a = winnow.attention %qh, %qh, %qh mask(%both) {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x2x?x?xf32, #full>) -> tensor<?x?x2x4xf32, #heads>
  %r = winnow.reshape %a : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x8xf32, #row>
  %y = winnow.linear %r, %w residual(%q) : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>, tensor<?x?x8xf32, #row>) -> tensor<?x?x8xf32, #row>
  return %y : tensor<?x?x8xf32, #row>
}

// -----

// Cross-attention: keys without their padding, and all queries.

// CHECK: sentence = "runs 1 attention and 2 other ops on the valid tokens of 'valid'; what attends to a sequence without valid tokens gets 0"
// CHECK-LABEL: func.func @main
// CHECK: %[[Q:.*]] = winnow.reshape %{{.*}} -> tensor<?x3x2x32xf32
// CHECK: winnow.attention %[[Q]], %[[K:.*]], %[[K]] key_offsets(%{{.*}}) key_lengths(%{{.*}}) {nan_to_zero
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 64)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 32)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
#d = affine_map<()[s0, s1] -> (s0, 3, 64)>
#dh = affine_map<()[s0, s1] -> (s0, 3, 2, 32)>
func.func @main(%x: tensor<?x?x64xf32, #row>, %m: tensor<?x?xi1, #b_s> {winnow.name = "valid"}, %d: tensor<?x3x64xf32, #d>) -> tensor<?x3x2x32xf32, #dh>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<64x64xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %m4 = winnow.reshape %m : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %mask = winnow.select %m4, %zero, %low : (tensor<?x1x1x?xi1, #mask>, tensor<f32>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %k = winnow.linear %x, %w : (tensor<?x?x64xf32, #row>, tensor<64x64xf32>) -> tensor<?x?x64xf32, #row>
  %kh = winnow.reshape %k : (tensor<?x?x64xf32, #row>) -> tensor<?x?x2x32xf32, #heads>
  %dh = winnow.reshape %d : (tensor<?x3x64xf32, #d>) -> tensor<?x3x2x32xf32, #dh>
  %a = winnow.attention %dh, %kh, %kh mask(%mask) {scale = 0.5 : f32} : (tensor<?x3x2x32xf32, #dh>, tensor<?x?x2x32xf32, #heads>, tensor<?x?x2x32xf32, #heads>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x3x2x32xf32, #dh>
  return %a : tensor<?x3x2x32xf32, #dh>
}

// -----

// Keys that a cache holds are not worth a copy without their padding.

// CHECK: applied = false, code = "remove-padding.nothing"{{.*}}of this attention, its keys and values are not computed here
// CHECK-LABEL: func.func @main
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} mask
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
#dh = affine_map<()[s0, s1] -> (s0, 3, 2, 4)>
func.func @main(%q: tensor<?x3x2x4xf32, #dh>, %k: tensor<?x?x2x4xf32, #heads>, %m: tensor<?x?xi1, #b_s>) -> tensor<?x3x2x4xf32, #dh>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x8xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %m4 = winnow.reshape %m : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %mask = winnow.select %m4, %zero, %low : (tensor<?x1x1x?xi1, #mask>, tensor<f32>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %a = winnow.attention %q, %k, %k mask(%mask) {scale = 0.5 : f32} : (tensor<?x3x2x4xf32, #dh>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x3x2x4xf32, #dh>
  return %a : tensor<?x3x2x4xf32, #dh>
}

// -----

// A second attention over the tokens that hides nothing.

// CHECK: applied = false, code = "remove-padding.attention-mask"{{.*}}the mask of an attention does not hide the padded keys
// CHECK-LABEL: func.func @main
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
func.func @main(%x: tensor<?x?x8xf32, #row>, %m: tensor<?x?xi1, #b_s> {winnow.name = "valid"}) -> tensor<?x?x2x4xf32, #heads>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x8xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %m4 = winnow.reshape %m : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %mask = winnow.select %m4, %zero, %low : (tensor<?x1x1x?xi1, #mask>, tensor<f32>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %q = winnow.linear %x, %w : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>) -> tensor<?x?x8xf32, #row>
  %qh = winnow.reshape %q : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %a = winnow.attention %qh, %qh, %qh mask(%mask) {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x?x2x4xf32, #heads>
  %r = winnow.reshape %a : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x8xf32, #row>
  %y = winnow.linear %r, %w residual(%q) : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>, tensor<?x?x8xf32, #row>) -> tensor<?x?x8xf32, #row>
  %yh = winnow.reshape %y : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %b = winnow.attention %yh, %yh, %yh {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x2x4xf32, #heads>
  return %b : tensor<?x?x2x4xf32, #heads>
}

// -----

// Tokens of two masks do not go together.

// CHECK: applied = false, code = "remove-padding.mixed"{{.*}}'add' combines tokens of two masks
// CHECK-LABEL: func.func @main
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
func.func @main(%x: tensor<?x?x8xf32, #row>, %m: tensor<?x?xi1, #b_s> {winnow.name = "valid"}, %n: tensor<?x?xi1, #b_s>) -> tensor<?x?x8xf32, #row>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x8xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %m4 = winnow.reshape %m : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %mask = winnow.select %m4, %zero, %low : (tensor<?x1x1x?xi1, #mask>, tensor<f32>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %q = winnow.linear %x, %w : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>) -> tensor<?x?x8xf32, #row>
  %qh = winnow.reshape %q : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %a = winnow.attention %qh, %qh, %qh mask(%mask) {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x?x2x4xf32, #heads>
  %r = winnow.reshape %a : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x8xf32, #row>
  %y = winnow.linear %r, %w residual(%q) : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>, tensor<?x?x8xf32, #row>) -> tensor<?x?x8xf32, #row>
  %n4 = winnow.reshape %n : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %mask2 = winnow.select %n4, %zero, %low : (tensor<?x1x1x?xi1, #mask>, tensor<f32>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %b = winnow.attention %qh, %qh, %qh mask(%mask2) {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x?x2x4xf32, #heads>
  %r2 = winnow.reshape %b : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x8xf32, #row>
  %z = winnow.add %r, %r2 : (tensor<?x?x8xf32, #row>, tensor<?x?x8xf32, #row>) -> tensor<?x?x8xf32, #row>
  return %z : tensor<?x?x8xf32, #row>
}

// -----

// The tokens are not the first dimensions of an output.

// CHECK: applied = false, code = "remove-padding.output"{{.*}}an output of dimensions [s0, 8, s1] does not begin with batch and sequence
// CHECK-LABEL: func.func @main
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
#t = affine_map<()[s0, s1] -> (s0, 8, s1)>
func.func @main(%x: tensor<?x?x8xf32, #row>, %m: tensor<?x?xi1, #b_s> {winnow.name = "valid"}) -> tensor<?x8x?xf32, #t>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x8xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %m4 = winnow.reshape %m : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %mask = winnow.select %m4, %zero, %low : (tensor<?x1x1x?xi1, #mask>, tensor<f32>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %q = winnow.linear %x, %w : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>) -> tensor<?x?x8xf32, #row>
  %qh = winnow.reshape %q : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %a = winnow.attention %qh, %qh, %qh mask(%mask) {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x?x2x4xf32, #heads>
  %r = winnow.reshape %a : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x8xf32, #row>
  %y = winnow.linear %r, %w residual(%q) : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>, tensor<?x?x8xf32, #row>) -> tensor<?x?x8xf32, #row>
  %z = winnow.transpose %y [0, 2, 1] : (tensor<?x?x8xf32, #row>) -> tensor<?x8x?xf32, #t>
  return %z : tensor<?x8x?xf32, #t>
}

// -----

// Under causal attention a padded first token would see itself only.

// CHECK: applied = false, code = "remove-padding.first-token"
// CHECK-LABEL: func.func @main
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
#v = affine_map<()[s0, s1] -> (s0, 8)>
func.func @main(%x: tensor<?x?x8xf32, #row>, %m: tensor<?x?xi1, #b_s> {winnow.name = "valid"}) -> tensor<?x8xf32, #v>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x8xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %m4 = winnow.reshape %m : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %mask = winnow.select %m4, %zero, %low : (tensor<?x1x1x?xi1, #mask>, tensor<f32>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %q = winnow.linear %x, %w : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>) -> tensor<?x?x8xf32, #row>
  %qh = winnow.reshape %q : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %a = winnow.attention %qh, %qh, %qh mask(%mask) {causal, scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x?x2x4xf32, #heads>
  %r = winnow.reshape %a : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x8xf32, #row>
  %y = winnow.linear %r, %w residual(%q) : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>, tensor<?x?x8xf32, #row>) -> tensor<?x?x8xf32, #row>
  %i = winnow.constant dense<0> : tensor<i64>
  %p = winnow.gather %y, %i {axis = 1 : i64} : (tensor<?x?x8xf32, #row>, tensor<i64>) -> tensor<?x8xf32, #v>
  return %p : tensor<?x8xf32, #v>
}

// -----

// Queries are tokens in another order than [batch, sequence].

// CHECK: applied = false, code = "remove-padding.queries"
// CHECK-LABEL: func.func @main
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
#sh = affine_map<()[s0, s1] -> (s1, s0, 2, 4)>
#k = affine_map<()[s0, s1] -> (s1, 3, 2, 4)>
func.func @main(%x: tensor<?x?x8xf32, #row>, %m: tensor<?x?xi1, #b_s> {winnow.name = "valid"}, %k: tensor<?x3x2x4xf32, #k>) -> tensor<?x?x2x4xf32, #sh>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x8xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %m4 = winnow.reshape %m : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %mask = winnow.select %m4, %zero, %low : (tensor<?x1x1x?xi1, #mask>, tensor<f32>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %q = winnow.linear %x, %w : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>) -> tensor<?x?x8xf32, #row>
  %qh = winnow.reshape %q : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %a = winnow.attention %qh, %qh, %qh mask(%mask) {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x?x2x4xf32, #heads>
  %r = winnow.reshape %a : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x8xf32, #row>
  %y = winnow.linear %r, %w residual(%q) : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>, tensor<?x?x8xf32, #row>) -> tensor<?x?x8xf32, #row>
  %yh = winnow.reshape %y : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %sh = winnow.transpose %yh [1, 0, 2, 3] : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x2x4xf32, #sh>
  %b = winnow.attention %sh, %k, %k {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #sh>, tensor<?x3x2x4xf32, #k>, tensor<?x3x2x4xf32, #k>) -> tensor<?x?x2x4xf32, #sh>
  return %b : tensor<?x?x2x4xf32, #sh>
}

// -----

// A branch that reads tokens is not followed.

// CHECK: applied = false, code = "remove-padding.control-flow"{{.*}}a loop or a branch reads tokens
// CHECK-LABEL: func.func @main
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
func.func @main(%x: tensor<?x?x8xf32, #row>, %m: tensor<?x?xi1, #b_s> {winnow.name = "valid"}, %c: tensor<i1>) -> tensor<?x?x8xf32, #row>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x8xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %m4 = winnow.reshape %m : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %mask = winnow.select %m4, %zero, %low : (tensor<?x1x1x?xi1, #mask>, tensor<f32>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %q = winnow.linear %x, %w : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>) -> tensor<?x?x8xf32, #row>
  %qh = winnow.reshape %q : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %a = winnow.attention %qh, %qh, %qh mask(%mask) {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x?x2x4xf32, #heads>
  %r = winnow.reshape %a : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x8xf32, #row>
  %y = winnow.linear %r, %w residual(%q) : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>, tensor<?x?x8xf32, #row>) -> tensor<?x?x8xf32, #row>
  %b = tensor.extract %c[] : tensor<i1>
  %z = scf.if %b -> (tensor<?x?x8xf32, #row>) {
    %n = winnow.neg %y : (tensor<?x?x8xf32, #row>) -> tensor<?x?x8xf32, #row>
    scf.yield %n : tensor<?x?x8xf32, #row>
  } else {
    scf.yield %x : tensor<?x?x8xf32, #row>
  }
  return %z : tensor<?x?x8xf32, #row>
}

// -----

// The mask is computed after what can be packed.

// CHECK-LABEL: func.func @main
// CHECK: %[[VALID:.*]] = winnow.compare gt
// CHECK: winnow.cast %[[VALID]]
// CHECK: winnow.linear %{{.*}} -> tensor<?x8xf32
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} query_offsets
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
func.func @main(%x: tensor<?x?x8xf32, #row>, %m: tensor<?x?xi64, #b_s>) -> tensor<?x?x2x4xf32, #heads>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x8xf32>
  %three = winnow.constant dense<3> : tensor<i64>
  %q = winnow.linear %x, %w : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>) -> tensor<?x?x8xf32, #row>
  %qh = winnow.reshape %q : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %valid = winnow.compare gt %m, %three : (tensor<?x?xi64, #b_s>, tensor<i64>) -> tensor<?x?xi1, #b_s>
  %m4 = winnow.reshape %valid : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %a = winnow.attention %qh, %qh, %qh mask(%m4) {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x1x?xi1, #mask>) -> tensor<?x?x2x4xf32, #heads>
  return %a : tensor<?x?x2x4xf32, #heads>
}

// -----

// A mask over queries and keys tells nothing.

// CHECK: applied = false, code = "remove-padding.mask"
// CHECK-LABEL: func.func @main
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#pairs = affine_map<()[s0, s1] -> (s0, 1, s1, s1)>
func.func @main(%q: tensor<?x?x2x4xf32, #heads>, %m: tensor<?x1x?x?xi1, #pairs>) -> tensor<?x?x2x4xf32, #heads>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %a = winnow.attention %q, %q, %q mask(%m) {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x?x?xi1, #pairs>) -> tensor<?x?x2x4xf32, #heads>
  return %a : tensor<?x?x2x4xf32, #heads>
}

// -----

// Without a mask nothing is padding.

// CHECK-NOT: remove-padding
// CHECK-LABEL: func.func @main
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
func.func @main(%x: tensor<?x?x8xf32, #row>) -> tensor<?x?x8xf32, #row>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x8xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %q = winnow.linear %x, %w : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>) -> tensor<?x?x8xf32, #row>
  %qh = winnow.reshape %q : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %a = winnow.attention %qh, %qh, %qh {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x2x4xf32, #heads>
  %r = winnow.reshape %a : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x8xf32, #row>
  %y = winnow.linear %r, %w residual(%q) : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>, tensor<?x?x8xf32, #row>) -> tensor<?x?x8xf32, #row>
  return %y : tensor<?x?x8xf32, #row>
}
// -----

// A short attention is not worth copies of long rows.

// CHECK: code = "remove-padding.no-gain"{{.*}}sentence = "padding of 'valid' stays: packing and unpacking move {{[0-9]+}} bytes a token, and what would run without padding is worth {{[0-9]+}}"
// CHECK-LABEL: func.func @main
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} mask(
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
#v = affine_map<()[s0, s1] -> (s0, s1, 9000)>
#s = affine_map<()[s0, s1] -> (s0, s1, 4)>
func.func @main(%x: tensor<?x?x9000xf32, #v>, %m: tensor<?x?xi1, #b_s> {winnow.name = "valid"}) -> tensor<?x?x9000xf32, #v>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %m4 = winnow.reshape %m : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %mask = winnow.select %m4, %zero, %low : (tensor<?x1x1x?xi1, #mask>, tensor<f32>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %f = winnow.slice %x at affine_map<()[s0, s1] -> (0, 0, 0)> step [1, 1, 1] : (tensor<?x?x9000xf32, #v>) -> tensor<?x?x8xf32, #row>
  %qh = winnow.reshape %f : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %a = winnow.attention %qh, %qh, %qh mask(%mask) {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x?x2x4xf32, #heads>
  %r = winnow.reshape %a : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x8xf32, #row>
  %o = winnow.slice %r at affine_map<()[s0, s1] -> (0, 0, 0)> step [1, 1, 1] : (tensor<?x?x8xf32, #row>) -> tensor<?x?x1xf32, affine_map<()[s0, s1] -> (s0, s1, 1)>>
  %y = winnow.add %x, %o : (tensor<?x?x9000xf32, #v>, tensor<?x?x1xf32, affine_map<()[s0, s1] -> (s0, s1, 1)>>) -> tensor<?x?x9000xf32, #v>
  return %y : tensor<?x?x9000xf32, #v>
}

// -----

// Functions of channels are computed token by token.

// CHECK-LABEL: func.func @main
// CHECK: %[[A:.*]] = winnow.attention %{{.*}} query_offsets
// CHECK: %[[R:.*]] = winnow.group_rational %{{.*}} -> tensor<?x8xf32, #[[T:.*]]>
// CHECK: %[[S:.*]] = winnow.bspline %[[R]] {{.*}} -> tensor<?x2x8xf32, #{{.*}}>
// CHECK: winnow.gather %{{.*}}, %{{.*}} {axis = 0 : i64, in_bounds}
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#bases = affine_map<()[s0, s1] -> (s0, s1, 2, 8)>
#flat = affine_map<()[s0, s1] -> (s0, s1, 16)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
func.func @main(%x: tensor<?x?x8xf32, #row>, %m: tensor<?x?xi1, #b_s> {winnow.name = "valid"}) -> tensor<?x?x8xf32, #row>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<16x8xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %m4 = winnow.reshape %m : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %mask = winnow.select %m4, %zero, %low : (tensor<?x1x1x?xi1, #mask>, tensor<f32>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %xh = winnow.reshape %x : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %a = winnow.attention %xh, %xh, %xh mask(%mask) {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x?x2x4xf32, #heads>
  %r = winnow.reshape %a : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x8xf32, #row>
  %0 = winnow.group_rational %r {rational = #winnow.rational<abs_sum, dense<[[0.0, 1.0]]> : tensor<1x2xf32>, dense<[[0.5], [-1.5]]> : tensor<2x1xf32>>} : (tensor<?x?x8xf32, #row>) -> tensor<?x?x8xf32, #row>
  %1 = winnow.bspline %0 {degree = 1 : i64, knots = dense<[[0.0, 1.0, 2.0, 3.0]]> : tensor<1x4xf32>} : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x8xf32, #bases>
  %2 = winnow.reshape %1 : (tensor<?x?x2x8xf32, #bases>) -> tensor<?x?x16xf32, #flat>
  %y = winnow.linear %2, %w : (tensor<?x?x16xf32, #flat>, tensor<16x8xf32>) -> tensor<?x?x8xf32, #row>
  return %y : tensor<?x?x8xf32, #row>
}
