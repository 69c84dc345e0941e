using PortForward.Cluster.Authentication;

namespace PortForward.Cluster.Tests.Authentication;

public class IdTokenTests
{
    [Theory]
    [InlineData("{\"exp\":1893456000}", "2030-01-01T00:00:00Z")]
    [InlineData("{\"exp\":1893456000.75}", "2030-01-01T00:00:00Z")]
    [InlineData("{\"exp\":1.893456e9,\"x\":[{}]}", "2030-01-01T00:00:00Z")]
    [InlineData("{\"exp\":0}", "1970-01-01T00:00:00Z")]
    [InlineData("{}", "0001-01-01T00:00:00Z")]
    [InlineData("{\"exp\":-1e300}", "0001-01-01T00:00:00Z")]
    [InlineData("{\"exp\":1e300}", "9999-12-31T23:59:59Z")]
    public void A_token_says_when_it_expires(string claims, string expected) =>
        IdToken.Expiration(TestIdentityProvider.Jwt(claims)).Should().Be(DateTimeOffset.Parse(expected, System.Globalization.CultureInfo.InvariantCulture));

    [Theory]
    [InlineData("")]
    [InlineData("opaque")]
    [InlineData("a.b")]
    [InlineData("a.b.c.d")]
    [InlineData("a.e30=x.c")]
    [InlineData("a.!!!.c")]
    [InlineData("a..c")]
    [InlineData("a.e30e30.c")]
    public void Anything_else_is_no_token(string text) => IdToken.Expiration(text).Should().BeNull();

    [Theory]
    [InlineData("[]")]
    [InlineData("3")]
    [InlineData("{\"exp\":\"soon\"}")]
    [InlineData("{\"exp\":null}")]
    public void Claims_that_make_no_sense_are_no_token(string claims) => IdToken.Expiration(TestIdentityProvider.Jwt(claims)).Should().BeNull();
}
