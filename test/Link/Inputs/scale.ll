; y = x * scale for a batch of rows of 4; a batch of 13 fails site 0.

declare void @winnow_rt_fail(i32)

@exported_by_mistake = constant i32 7

define void @winnow.run(ptr %call) {
entry:
  %symbols.at = getelementptr i8, ptr %call, i64 8
  %weights.at = getelementptr i8, ptr %call, i64 16
  %inputs.at = getelementptr i8, ptr %call, i64 32
  %outputs.at = getelementptr i8, ptr %call, i64 40
  %symbols = load ptr, ptr %symbols.at
  %weights = load ptr, ptr %weights.at
  %inputs = load ptr, ptr %inputs.at
  %outputs = load ptr, ptr %outputs.at
  %batch = load i64, ptr %symbols
  %x = load ptr, ptr %inputs
  %y = load ptr, ptr %outputs
  %scale.at = getelementptr i8, ptr %weights, i64 64
  %scale = load <4 x float>, ptr %scale.at
  %unlucky = icmp eq i64 %batch, 13
  br i1 %unlucky, label %fail, label %head
fail:
  call void @winnow_rt_fail(i32 0)
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ 0, %fail ], [ %next, %body ]
  %more = icmp slt i64 %i, %batch
  br i1 %more, label %body, label %exit
body:
  %from = getelementptr <4 x float>, ptr %x, i64 %i
  %to = getelementptr <4 x float>, ptr %y, i64 %i
  %row = load <4 x float>, ptr %from, align 4
  %product = fmul <4 x float> %row, %scale
  store <4 x float> %product, ptr %to, align 4
  %next = add i64 %i, 1
  br label %head
exit:
  ret void
}

define i64 @winnow.workspace_bytes(ptr %symbols) {
  ret i64 0
}

define void @winnow.capacities(ptr %symbols) {
  ret void
}

define void @winnow.output_room(ptr %symbols, ptr %dims) {
  call void @winnow.output_dims(ptr %symbols, ptr %dims)
  ret void
}

define void @winnow.output_dims(ptr %symbols, ptr %dims) {
  %batch = load i64, ptr %symbols
  store i64 %batch, ptr %dims
  %second = getelementptr i64, ptr %dims, i64 1
  store i64 4, ptr %second
  ret void
}
