pub fn common_attributes() -> &'static [super::Attribute] {
    &[]
}
