// RUN: winnow-opt %s --split-input-file --winnow-remove-padding=packed-entry --winnow-verify-model-contract --canonicalize --cse | FileCheck %s

// Arguments and results are packed, and nothing is left of [batch, sequence].

// CHECK: code = "remove-padding.packed-entry"{{.*}}sentence = "run_packed takes 'x' as [tokens, ...], and by 'cu_seqlens' where sequences begin"
// CHECK-LABEL: func.func @main(
// CHECK-LABEL: func.func @main_packed(
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x8xf32, #[[T:[^>]*]]> {winnow.name = "x"}, %[[CU:[^:]*]]: tensor<?xi32, #{{.*}}> {winnow.name = "cu_seqlens"}) -> (tensor<?x8xf32, #[[T]]> {winnow.name = "y"})
// CHECK-SAME: winnow.entry = "packed"
// CHECK-SAME: {data, max = 9 : i64, min = 1 : i64, name = "s"}, {max = {{.*}}, min = 1 : i64, name = "tokens"}
// CHECK: %[[OFFSETS:.*]] = winnow.cast %[[CU]]
// CHECK: winnow.bind_size %{{.*}} to #{{.*}} {message = "expected where sequences begin
// CHECK: winnow.bind_size %{{.*}} to #{{.*}} {message = "expected the first sequence to begin
// CHECK: %[[LENGTHS:.*]] = winnow.sub
// CHECK: %[[LONGEST:.*]] = winnow.reduce  max %[[LENGTHS]]
// CHECK: winnow.bind_size
// CHECK-NOT: winnow.gather
// CHECK: %[[Q:.*]] = winnow.linear %[[X]], %{{.*}} -> tensor<?x8xf32, #[[T]]>
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} query_offsets(%[[OFFSETS]]) key_offsets(%[[OFFSETS]]) key_lengths(%[[LENGTHS]])
// CHECK-NOT: winnow.gather
// CHECK: return %{{.*}} : tensor<?x8xf32, #[[T]]>
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
func.func @main(%x: tensor<?x?x8xf32, #row> {winnow.name = "x"}, %m: tensor<?x?xi1, #b_s> {winnow.name = "valid"}) -> (tensor<?x?x8xf32, #row> {winnow.name = "y"})
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x8xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %m4 = winnow.reshape %m : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %mask = winnow.select %m4, %zero, %low : (tensor<?x1x1x?xi1, #mask>, tensor<f32>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %q = winnow.linear %x, %w : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>) -> tensor<?x?x8xf32, #row>
  %qh = winnow.reshape %q : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %a = winnow.attention %qh, %qh, %qh mask(%mask) {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x?x2x4xf32, #heads>
  %y = winnow.reshape %a : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x8xf32, #row>
  return %y : tensor<?x?x8xf32, #row>
}

// -----

// A pooler gets zeros of a sequence without tokens.

// CHECK-LABEL: func.func @main_packed(
// CHECK: winnow.reduce  max
// CHECK: %[[HAS:.*]] = winnow.compare  gt
// CHECK: %[[FIRST:.*]] = winnow.select %[[HAS]]
// CHECK: %[[ROWS:.*]] = winnow.gather %{{.*}}, %[[FIRST]] {axis = 0 : i64, in_bounds}
// CHECK: winnow.select %{{.*}}, %[[ROWS]], %{{.*}} -> tensor<?x8xf32
#v = affine_map<()[s0, s1] -> (s0, 8)>
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
func.func @main(%x: tensor<?x?x8xf32, #row> {winnow.name = "x"}, %m: tensor<?x?xi1, #b_s> {winnow.name = "valid"}) -> tensor<?x8xf32, #v>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x8xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %m4 = winnow.reshape %m : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %mask = winnow.select %m4, %zero, %low : (tensor<?x1x1x?xi1, #mask>, tensor<f32>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %q = winnow.linear %x, %w : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>) -> tensor<?x?x8xf32, #row>
  %qh = winnow.reshape %q : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %a = winnow.attention %qh, %qh, %qh mask(%mask) {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x?x2x4xf32, #heads>
  %y = winnow.reshape %a : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x8xf32, #row>
  %i = winnow.constant dense<0> : tensor<i64>
  %p = winnow.gather %y, %i {axis = 1 : i64} : (tensor<?x?x8xf32, #row>, tensor<i64>) -> tensor<?x8xf32, #v>
  return %p : tensor<?x8xf32, #v>
}

// -----

// Padding is behind the tokens that a running sum takes, which runs padded.

// CHECK-LABEL: func.func @main_packed(
// CHECK: %[[PADDED:.*]] = winnow.select {{.*}} -> tensor<?x?x8xf32
// CHECK: %[[SUM:.*]] = winnow.cumsum %[[PADDED]] {axis = 1 : i64}
// CHECK: %[[FLAT:.*]] = winnow.reshape %[[SUM]]
// CHECK: winnow.gather %[[FLAT]]
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
func.func @main(%x: tensor<?x?x8xf32, #row> {winnow.name = "x"}, %m: tensor<?x?xi1, #b_s> {winnow.name = "valid"}) -> tensor<?x?x8xf32, #row>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x8xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %c = winnow.cumsum %x {axis = 1 : i64} : (tensor<?x?x8xf32, #row>) -> tensor<?x?x8xf32, #row>
  %m4 = winnow.reshape %m : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %mask = winnow.select %m4, %zero, %low : (tensor<?x1x1x?xi1, #mask>, tensor<f32>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %q = winnow.linear %c, %w : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>) -> tensor<?x?x8xf32, #row>
  %qh = winnow.reshape %q : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %a = winnow.attention %qh, %qh, %qh mask(%mask) {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x?x2x4xf32, #heads>
  %y = winnow.reshape %a : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x8xf32, #row>
  return %y : tensor<?x?x8xf32, #row>
}

// -----

// A sum from the end would see what stands at padded positions.

// CHECK: applied = false, code = "remove-padding.no-packed-entry"{{.*}}sentence = "there is no run_packed: 'cumsum' combines tokens, and would see what stands at padded ones"
// CHECK-LABEL: func.func @main(
// CHECK-NOT: func.func
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
func.func @main(%x: tensor<?x?x8xf32, #row> {winnow.name = "x"}, %m: tensor<?x?xi1, #b_s> {winnow.name = "valid"}) -> tensor<?x?x8xf32, #row>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x8xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %c = winnow.cumsum %x {axis = 1 : i64, reverse} : (tensor<?x?x8xf32, #row>) -> tensor<?x?x8xf32, #row>
  %m4 = winnow.reshape %m : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %mask = winnow.select %m4, %zero, %low : (tensor<?x1x1x?xi1, #mask>, tensor<f32>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %q = winnow.linear %c, %w : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>) -> tensor<?x?x8xf32, #row>
  %qh = winnow.reshape %q : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %a = winnow.attention %qh, %qh, %qh mask(%mask) {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x?x2x4xf32, #heads>
  %y = winnow.reshape %a : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x8xf32, #row>
  return %y : tensor<?x?x8xf32, #row>
}

// -----

// Of numbers of tokens, of which 0 is padding, the mask is replaced, and the numbers are packed.

// CHECK: sentence = "run_packed takes 'ids' as [tokens, ...], and by 'cu_seqlens' where sequences begin"
// CHECK-LABEL: func.func @main_packed(
// CHECK-SAME: %[[IDS:[^:]*]]: tensor<?xi64, #{{.*}}> {winnow.name = "ids"}, %{{.*}}: tensor<?xi32, #{{.*}}> {winnow.name = "cu_seqlens"})
// CHECK: winnow.gather %{{.*}}, %[[IDS]] {axis = 0 : i64} : (tensor<100x8xf32>
#b_s = affine_map<()[s0, s1] -> (s0, s1)>
#row = affine_map<()[s0, s1] -> (s0, s1, 8)>
#heads = affine_map<()[s0, s1] -> (s0, s1, 2, 4)>
#mask = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>
func.func @main(%ids: tensor<?x?xi64, #b_s> {winnow.name = "ids"}) -> tensor<?x?x8xf32, #row>
    attributes {winnow.entry, winnow.symbols = [{name = "b", min = 1 : i64, max = 9 : i64}, {name = "s", min = 1 : i64, max = 9 : i64}]} {
  %w = winnow.constant dense<1.0> : tensor<8x8xf32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %table = winnow.constant dense<2.0> : tensor<100x8xf32>
  %pad = winnow.constant dense<0> : tensor<i64>
  %m = winnow.compare ne %ids, %pad : (tensor<?x?xi64, #b_s>, tensor<i64>) -> tensor<?x?xi1, #b_s>
  %x = winnow.gather %table, %ids {axis = 0 : i64} : (tensor<100x8xf32>, tensor<?x?xi64, #b_s>) -> tensor<?x?x8xf32, #row>
  %m4 = winnow.reshape %m : (tensor<?x?xi1, #b_s>) -> tensor<?x1x1x?xi1, #mask>
  %mask = winnow.select %m4, %zero, %low : (tensor<?x1x1x?xi1, #mask>, tensor<f32>, tensor<f32>) -> tensor<?x1x1x?xf32, #mask>
  %q = winnow.linear %x, %w : (tensor<?x?x8xf32, #row>, tensor<8x8xf32>) -> tensor<?x?x8xf32, #row>
  %qh = winnow.reshape %q : (tensor<?x?x8xf32, #row>) -> tensor<?x?x2x4xf32, #heads>
  %a = winnow.attention %qh, %qh, %qh mask(%mask) {scale = 0.5 : f32} : (tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x?x2x4xf32, #heads>, tensor<?x1x1x?xf32, #mask>) -> tensor<?x?x2x4xf32, #heads>
  %y = winnow.reshape %a : (tensor<?x?x2x4xf32, #heads>) -> tensor<?x?x8xf32, #row>
  return %y : tensor<?x?x8xf32, #row>
}
