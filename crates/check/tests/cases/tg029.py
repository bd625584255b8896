#: fires 4: write in the loop
lines = []
for row in rows:
    lines.append(render(row))
file.write("\n".join(lines))

#: fires 5: write in the loop
def f(rows, file):
    lines = []
    for row in rows:
        lines.append(row)
    file.writelines(lines)

#: fires 6: write in the loop
import csv
out = []
for row in rows:
    if row:
        out.append(row)
csv.writer(file).writerows(out)

#: silent
lines = []
for row in rows:
    lines.append(render(row))
file.write("\n".join(lines))
print(len(lines))

#: silent
for row in rows:
    file.write(render(row))

#: silent
lines = ["a", "b"]
file.write("\n".join(lines))
