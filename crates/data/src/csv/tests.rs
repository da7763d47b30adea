use super::*;
use tensor::tensor;

const PENGUINS: &str = "\
id,species,sex,mass,depth
1,Gentoo,male,5000,14.5
2,Adelie,female,3750,18.7
3,Adelie,?,NA,17.0
";

#[track_caller]
fn refused(csv: Csv, text: impl AsRef<[u8]>, expected: &str) {
    let error = csv.parse(text).expect_err(expected).to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn numbers_are_numbers_and_the_target_is_set_apart() -> Result<()> {
    let table = Csv::new()
        .target("mass")
        .drop(&["species", "sex", "id"])
        .missing(Missing::DropRow)
        .parse(PENGUINS)?;
    assert_eq!(table.feature_names, ["depth"]);
    assert_eq!(table.data.to_vec::<f32>()?, [14.5, 18.7]);
    assert_eq!(
        (table.target_names, table.target.to_vec::<f32>()?),
        (vec!["mass".to_owned()], vec![5000.0, 3750.0])
    );
    let table =
        Csv::new().targets(&["mass", "depth"]).columns(&["id"]).missing(Missing::DropRow).parse(PENGUINS)?;
    assert_eq!((table.data.shape(), table.target.shape()), (&[2, 1][..], &[2, 2][..]));
    let table = Csv::new().columns(&["depth", "id"]).parse(PENGUINS)?;
    assert_eq!((table.data.shape(), table.target.shape()), (&[3, 2][..], &[3, 0][..]));
    assert_eq!(table.data.select(0, 0)?.to_vec::<f32>()?, [14.5, 1.0]);
    Ok(())
}

#[test]
fn texts_become_columns_or_classes() -> Result<()> {
    let csv = Csv::new().target("species").drop(&["id", "mass"]).missing(Missing::Nan);
    let table = csv.clone().text(Text::OneHot).parse(PENGUINS)?;
    assert_eq!(table.feature_names, ["sex_female", "sex_male", "depth"]);
    assert_eq!(table.data.narrow(1, 0, 2)?.to_vec::<f32>()?, [0.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(
        (table.target_names, table.target.to_vec::<i64>()?),
        (vec!["Adelie".into(), "Gentoo".into()], vec![1, 0, 0])
    );
    let classes = csv.clone().text(Text::Classes).missing(Missing::DropRow).parse(PENGUINS)?;
    assert_eq!(classes.data.to_vec::<f32>()?, [1.0, 14.5, 0.0, 18.7]);
    refused(
        csv.clone().text(Text::Classes),
        PENGUINS,
        "line 4, column `sex`: the value is missing; a class cannot",
    );
    refused(
        csv,
        PENGUINS,
        "line 2, column `sex`: expected a number, found `male`; choose how `text` is read",
    );
    Ok(())
}

#[test]
fn categories_can_be_numbers_and_can_be_given() -> Result<()> {
    let text = "code,grade\n10,2\n9,10\n10,9\n";
    let table = Csv::new().target_class("grade").categorical(&["code"]).text(Text::OneHot).parse(text)?;
    assert_eq!(table.feature_names, ["code_9", "code_10"]);
    assert_eq!(
        (table.target_names.join(" "), table.target.to_vec::<i64>()?),
        ("2 9 10".into(), vec![0, 2, 1])
    );
    let given = Csv::new().categories("code", &["10", "9", "8"]).text(Text::OneHot);
    assert_eq!(given.parse(text)?.data.select(0, 1)?.to_vec::<f32>()?, [0.0, 1.0, 0.0, 10.0]);
    refused(
        Csv::new().categories("code", &["10"]),
        text,
        "line 3, column `code`: `9` is none of its categories: `10`",
    );
    refused(Csv::new().categories("kode", &["10"]), text, "no column `kode` among `code`, `grade`");
    refused(
        Csv::new().target_class("grade").max_categories(2),
        text,
        "line 4, column `grade`: more than 2 different texts; is it an identifier?",
    );
    Ok(())
}

#[test]
fn missing_values_are_filled_as_asked() -> Result<()> {
    let text = "a,b\n1,\n NA ,4\n3,8\n";
    let read = |missing| -> Result<Vec<f32>> { Csv::new().missing(missing).parse(text)?.data.to_vec() };
    assert_eq!(read(Missing::DropRow)?, [3.0, 8.0]);
    assert_eq!(read(Missing::Mean)?, [1.0, 6.0, 2.0, 4.0, 3.0, 8.0]);
    assert_eq!(read(Missing::Value(-1.0))?, [1.0, -1.0, -1.0, 4.0, 3.0, 8.0]);
    assert!(read(Missing::Nan)?[1].is_nan());
    refused(Csv::new(), text, "line 2, column `b`: the value is missing, found ``; choose what to do");
    refused(Csv::new().target("b").missing(Missing::Mean), text, "line 2, column `b`: the value is missing");
    refused(
        Csv::new().missing(Missing::Mean),
        "a,b\n1,\n2,\n",
        "line 2, column `b`: there is no value in the column",
    );
    refused(Csv::new().missing(Missing::DropRow), "a,b\n1,\n2,\n", "none is left");
    refused(
        Csv::new().missing_values(&["-"]).missing(Missing::Mean),
        text,
        "line 3, column `a`: expected a number as in line 2",
    );
    Ok(())
}

#[test]
fn a_text_among_numbers_is_not_taken_for_a_category() {
    let text = "age\nold\n34\n35\n";
    for csv in [Csv::new(), Csv::new().text(Text::OneHot), Csv::new().target("age")] {
        refused(
            csv,
            text,
            "line 2, column `age`: expected a number as in line 3, found `old`; if these are categories",
        );
    }
    refused(Csv::new(), "age\n1\n2O\n", "line 3, column `age`: expected a number as in line 2, found `2O`");
    refused(Csv::new(), "a\n1e39\n", "line 2, column `a`: `1e39` is beyond the range of float32");
    refused(Csv::new(), "a\ninf\n", "found `inf`");
    refused(Csv::new(), "a\n1.2.3\n", "found `1.2.3`");
}

#[test]
fn other_ways_to_write_a_table_are_options() -> Result<()> {
    let text = "# from a balance\n1,5; 2\r\n-0,25;+3e2\r\n";
    let table =
        Csv::new().delimiter(b';').decimal(b',').comment(b'#').header(false).target("1").parse(text)?;
    assert_eq!((table.feature_names.join(" "), table.data.to_vec::<f32>()?), ("0".into(), vec![1.5, -0.25]));
    assert_eq!(table.target.to_vec::<f32>()?, [2.0, 300.0]);
    assert_eq!(Csv::new().parse("yes\ntrue\nFalse\n")?.data.to_vec::<f32>()?, [1.0, 0.0]);
    refused(
        Csv::new().target("b"),
        "a;b\n1;2\n",
        "no column `b` among `a;b`; is there another delimiter than `,`?",
    );
    refused(Csv::new().decimal(b','), "a\n1\n", "cannot be separated by `,`");
    refused(Csv::new().delimiter(b'\n'), "a\n1\n", "cannot be separated by `\\n`");
    Ok(())
}

#[test]
fn a_table_without_values_is_refused() {
    refused(Csv::new(), "", "no row of values");
    refused(Csv::new(), "a,b\n", "no row of values");
    refused(Csv::new().header(false), "\n\n", "no row of values");
    refused(Csv::new(), "a,b,a\n1,2,3\n", "line 1: two columns are named `a`");
    refused(Csv::new().target("c"), "a,b\n1,2\n", "there is no column `c` among `a`, `b`");
    refused(Csv::new().targets(&["a", "b"]), "a,b\n1,x\n", "several targets have to be numbers");
}

#[test]
fn a_file_is_named_when_it_cannot_be_read() -> Result<()> {
    let path = std::env::temp_dir().join(format!("baekmi-{}.csv", std::process::id()));
    write_csv(&path, &["a", "b"], &tensor([[1, 2], [3, 4]]))?;
    assert_eq!(Csv::new().target("b").read(&path)?.target.to_vec::<f32>()?, [2.0, 4.0]);
    std::fs::remove_file(&path).unwrap();
    let error = Csv::new().read(&path).unwrap_err().to_string();
    assert!(error.contains(&path.display().to_string()), "{error}");
    Ok(())
}

#[test]
fn what_no_table_can_hold_is_not_written() {
    assert!(to_csv(&["a"], &tensor([f32::INFINITY])).is_err());
    assert!(to_csv(&["a"], &tensor([[1.0, 2.0]])).is_err());
    assert!(to_csv(&["a"], &tensor(1.0)).is_err());
    assert_eq!(to_csv(&["a \"b\""], &tensor([f32::NAN, 0.1])).unwrap(), "\"a \"\"b\"\"\"\n\"\"\n0.1\n");
    assert_eq!(to_csv(&["a", "b"], &tensor([[true, false]])).unwrap(), "a,b\ntrue,false\n");
}
